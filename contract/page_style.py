"""How the page looks; one text, so that a browser can be told its digest."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #5c6675; --line: #e3e6eb;
  --get: #16803c; --post: #2b5fc7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --card: #1b2129; --ink: #e6eaf0; --soft: #9aa7b6;
    --line: #2b333e; --get: #4ade80; --post: #7aa2f7;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem; background: var(--paper);
  color: var(--ink); font: 15px/1.55 system-ui, sans-serif;
}
h1 { font-size: 1.5rem; margin: 0; }
h1 small, .soft { color: var(--soft); font-weight: 400; font-size: .9rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
h3 { font-size: .85rem; margin: 1rem 0 .3rem; color: var(--soft); }
nav a { margin-right: 1rem; }
a { color: var(--post); }
details {
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  margin: .4rem 0; padding: 0 .9rem;
}
details[open] { padding-bottom: .8rem; }
summary { cursor: pointer; padding: .55rem 0; overflow-wrap: anywhere; }
summary b { display: inline-block; min-width: 3.2rem; }
.get { color: var(--get); } .post { color: var(--post); }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre {
  background: var(--paper); border-radius: .4rem; padding: .6rem .8rem; margin: .3rem 0;
  overflow-x: auto;
}
table { width: 100%; border-collapse: collapse; }
td { border-top: 1px solid var(--line); padding: .3rem .8rem .3rem 0; }
td { vertical-align: top; }
tr:first-child td { border-top: 0; }
"""
