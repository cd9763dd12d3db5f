"""How Sphinx builds these pages into a site: sphinx-build -W docs build/docs."""

from micrometric import __version__

project = "micrometric"
author = "the micrometric authors"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "micrometric"
# Everything comes along: a page asks nothing of another server.
html_theme_options = {
    "footer_icons": [],
    # So that a session of 100 columns fits.
    "light_css_variables": {"code-font-size": "0.68rem"},
}
html_show_copyright = False

nitpicky = False
myst_heading_anchors = 3
exclude_patterns = ["build"]

# What stands between single backticks in a docstring is code.
default_role = "code"
# Types stand in the signature alone, as in the code.
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
# The sessions on these pages are no transcripts of Python; shown as they are.
highlight_language = "text"
