// Pictures that tell what is under the pointer and can be looked at more closely: by buttons, by
// keys (+ - 0 and the arrows) and by dragging. Without this script all of it is in the tables.
for (const figure of document.querySelectorAll('.mm-figure')) {
  if (figure.dataset.ready) continue;
  figure.dataset.ready = '1';
  const marks = JSON.parse(figure.querySelector('script').textContent);
  const tip = figure.querySelector('output');
  const canvas = figure.querySelector('.mm-canvas');
  const svgs = [...canvas.querySelectorAll('svg')];
  const whole = svgs[0].viewBox.baseVal;
  const full = {width: whole.width, height: whole.height};
  const view = {x: 0, y: 0, size: 1};

  const show = () => {
    view.size = Math.min(1, Math.max(0.05, view.size));
    view.x = Math.min(1 - view.size, Math.max(0, view.x));
    view.y = Math.min(1 - view.size, Math.max(0, view.y));
    const box = [view.x * full.width, view.y * full.height,
                 view.size * full.width, view.size * full.height].join(' ');
    for (const svg of svgs) svg.setAttribute('viewBox', box);
    tip.textContent = '';
  };
  const zoom = (factor, x = 0.5, y = 0.5) => {
    const size = Math.min(1, Math.max(0.05, view.size * factor));
    view.x += x * (view.size - size);
    view.y += y * (view.size - size);
    view.size = size;
    show();
  };
  const move = (x, y) => { view.x += x * view.size; view.y += y * view.size; show(); };
  const reset = () => { view.x = view.y = 0; view.size = 1; show(); };
  // Of the svg, not the canvas: on a narrow page it is moved within.
  const within = event => {
    const box = svgs.find(svg => svg.clientWidth).getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, box];
  };

  const bar = document.createElement('div');
  bar.className = 'mm-zoom';
  for (const [sign, label, act] of [['+', 'Zoom in', () => zoom(0.7)],
      ['−', 'Zoom out', () => zoom(1 / 0.7)], ['⤢', 'Show all', reset]]) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = sign;
    button.setAttribute('aria-label', label);
    button.addEventListener('click', act);
    bar.append(button);
  }
  figure.prepend(bar);
  canvas.setAttribute('aria-label', 'Picture; + and - zoom, arrows move, 0 shows all');
  const keys = {'+': () => zoom(0.7), '=': () => zoom(0.7), '-': () => zoom(1 / 0.7), 0: reset,
    ArrowLeft: () => move(-0.1, 0), ArrowRight: () => move(0.1, 0),
    ArrowUp: () => move(0, -0.1), ArrowDown: () => move(0, 0.1)};
  canvas.addEventListener('keydown', event => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith('Arrow') && view.size === 1) return;
    event.preventDefault();
    act();
  });
  canvas.addEventListener('wheel', event => {
    if (!event.ctrlKey) return; // A page must scroll.
    event.preventDefault();
    const [x, y] = within(event);
    zoom(event.deltaY < 0 ? 0.85 : 1 / 0.85, x, y);
  }, {passive: false});
  let held = null;
  canvas.addEventListener('pointerdown', event => {
    if (view.size < 1 && event.button === 0) held = within(event);
  });
  addEventListener('pointerup', () => { held = null; });
  canvas.addEventListener('pointermove', event => {
    const [x, y, box] = within(event);
    if (held) {
      move(held[0] - x, held[1] - y);
      held = [x, y];
      return;
    }
    const across = view.x + x * view.size, down = view.y + y * view.size;
    let best = null, least = 0.0009 * view.size * view.size;
    for (const mark of marks) {
      const distance = (mark[0] - across) ** 2 + (mark[1] - down) ** 2;
      if (distance < least) { least = distance; best = mark; }
    }
    tip.textContent = best ? best[2] : '';
    if (best) {
      const left = (best[0] - view.x) / view.size * box.width + 10;
      tip.style.left = Math.max(0, Math.min(left, box.width - tip.offsetWidth)) + 'px';
      tip.style.top = (best[1] - view.y) / view.size * box.height + 10 + 'px';
    }
  });
  canvas.addEventListener('pointerleave', () => { tip.textContent = ''; });
}
