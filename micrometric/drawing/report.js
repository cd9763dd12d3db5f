// Tables that sort by a column and find rows by what they hold, and a choice of light and dark.
// What needs a script is added by it: without one there is nothing that does nothing.
const number = cell => cell.dataset.n === undefined ? null : Number(cell.dataset.n);
const order = (one, other) => {
  const [a, b] = [number(one), number(other)];
  if (a !== null && b !== null) return a - b || Number.isNaN(a) - Number.isNaN(b);
  if (a !== null || b !== null) return a !== null ? -1 : 1;
  return one.textContent.localeCompare(other.textContent, 'en', {numeric: true});
};

document.querySelectorAll('.mm-table').forEach((table, index) => {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    button.title = 'Sort by ' + head.textContent;
    head.replaceChildren(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const sorted = [...rows].sort((a, b) =>
        order(a.cells[column], b.cells[column]) * (down ? -1 : 1));
      body.append(...sorted);
    });
  });
  if (table.dataset.find === undefined || rows.length < 2) return;
  const bar = document.createElement('div');
  bar.className = 'mm-find';
  const label = document.createElement('label');
  label.htmlFor = 'mm-find-' + index;
  label.textContent = 'Find rows';
  const input = document.createElement('input');
  input.type = 'search';
  input.id = label.htmlFor;
  const told = document.createElement('span');
  told.setAttribute('role', 'status');
  bar.append(label, input, told);
  table.closest('.mm-scroll').before(bar);
  const texts = rows.map(row => [...row.cells].map(cell => cell.textContent).join(' ')
    .toLowerCase());
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, place) => {
      row.hidden = !words.every(word => texts[place].includes(word));
      shown += !row.hidden;
    });
    told.textContent = words.length ? shown + ' of ' + rows.length + ' rows' : '';
  });
});

const root = document.documentElement;
const dark = () => root.dataset.theme
  ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
const toggle = document.createElement('button');
toggle.type = 'button';
toggle.className = 'mm-theme';
const name = () => { toggle.textContent = dark() ? 'Light' : 'Dark'; };
toggle.setAttribute('aria-label', 'Switch between light and dark');
toggle.addEventListener('click', () => { root.dataset.theme = dark() ? 'light' : 'dark'; name(); });
name();
document.querySelector('.mm-report header').prepend(toggle);
