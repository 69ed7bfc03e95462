"""How the page about a dataset looks, by day and by night."""

#: A page of other people's labels and pictures fetches nothing and runs nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --sheet: #ffffff; --ink: #22252a; --soft: #6b7078; --line: #e4e1dc;
  --train: #2f6fb2; --validation: #c98a1b; --test: #b0413e; --good: #2c7a4b; --bad: #b0413e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181c; --sheet: #1e2126; --ink: #e6e4df; --soft: #9aa0a8; --line: #32363d;
    --train: #6fa8e8; --validation: #e0ac4a; --test: #e57f7b; --good: #6cc38e; --bad: #e57f7b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 70rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header p, section > p { color: var(--soft); max-width: 46rem; margin: .4rem 0; }
h1 { font-size: 2rem; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
section {
  background: var(--sheet); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.25rem 1.4rem; margin-top: 1.25rem; overflow-x: auto;
}
.cards { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; }
.cards div {
  background: var(--sheet); border: 1px solid var(--line); border-radius: 12px;
  padding: .6rem 1.1rem; color: var(--soft); font-size: .85rem;
}
.cards b { display: block; color: var(--ink); font-size: 1.4rem; line-height: 1.2; }
.key span { margin-right: 1.2rem; }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 3px; margin-right: .4em; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; padding: .2rem 1rem .2rem 0; }
td { padding: .2rem 1rem .2rem 0; text-align: right; }
.balance { width: 100%; }
.balance td:last-child { width: 100%; padding-right: 0; }
.balance th { white-space: nowrap; max-width: 18rem; overflow: hidden; text-overflow: ellipsis; }
.bar { display: flex; height: 1rem; }
.bar i:first-child { border-radius: 4px 0 0 4px; }
.bar i:last-child { border-radius: 0 4px 4px 0; }
.pairs { font-size: .75rem; }
.pairs td, .pairs th { padding: .1rem .3rem; }
.pairs td { background: color-mix(in srgb, var(--train) calc(var(--share) * 100%), transparent); }
.pairs tr:first-child th { vertical-align: bottom; }
.pairs tr:first-child div { writing-mode: vertical-rl; transform: rotate(180deg); }
.pairs tr > th:first-child { white-space: nowrap; }
.pairs small { color: var(--soft); }
.alike { color: var(--good); }
.differs { color: var(--bad); font-weight: 600; }
.faces { display: grid; grid-template-columns: repeat(auto-fill, minmax(20.5rem, 1fr)); gap: 1rem; }
.faces.photos { grid-template-columns: repeat(auto-fill, minmax(min(29.5rem, 100%), 1fr)); }
.faces.small { grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); }
figure { margin: 0; min-width: 0; }
figure > div { display: flex; gap: .6rem; align-items: flex-start; }
figcaption { font-weight: 600; font-size: .9rem; margin-bottom: .3rem; overflow-wrap: anywhere; }
.mean small { display: block; }
.mean { text-align: center; color: var(--soft); line-height: 1.2; }
img { image-rendering: pixelated; max-width: 100%; height: auto; border-radius: 3px; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: 1rem; }
svg { max-width: 100%; height: auto; color: var(--soft); }
"""
