"""HTML of the same shape as what further libraries emit, written by hand; by name.

Each has what decides whether it needs a frame: the tags, where the styles are, the selectors'
kinds, the scripts.
"""

from __future__ import annotations

__all__ = ["SHAPES"]

_ROWS = "<tr><td>Oslo</td><td>1</td></tr><tr><td>Lima</td><td>2</td></tr>"

SHAPES: dict[str, str] = {
    # An estimator's diagram: hidden checkboxes unfold the parts, all of it by one sheet.
    "estimator": """<style>#es-9 {--ink: black; color: var(--ink);}
#es-9 pre {padding: 0;}
#es-9 input.toggle {border: 0; clip: rect(1px 1px 1px 1px); height: 1px; position: absolute;}
#es-9 div.content {max-height: 0; overflow: hidden; text-align: left;}
#es-9 input.toggle:checked~div.content {max-height: 200px; overflow: auto;}
#es-9 div.part:hover label {background-color: #d4ebff;}
#es-9 div.serial::before {content: ""; position: absolute; border-left: 1px solid gray;}
</style><div id="es-9" class="top"><div class="text-repr"><pre>Model()</pre></div>
<div class="container" hidden><div class="part"><input class="toggle hidden" id="i1" type="checkbox"
 checked><label for="i1" class="label">Model</label><div class="content"><pre>Model()</pre></div>
</div></div></div>""",
    # The same library's table of parameters, without the checkboxes.
    "estimator-table": f"""<style>#es-8 table {{border-collapse: collapse; font-size: 0.9em;}}
#es-8 tr:nth-child(odd) {{background-color: #fff;}} #es-8 td {{padding: 2px 6px; color: black;}}
#es-8 .value {{text-align: left;}}</style><div id="es-8"><details open><summary>Parameters</summary>
<table class="params"><tbody>{_ROWS}</tbody></table></details></div>""",
    # A display table: one id, many classes, all declarations important.
    "display-table": """<div id="ab" style="padding-left:0px;padding-right:0px;overflow-x:auto;\
overflow-y:auto;width:auto;height:auto;">
<style>
#ab table {
          font-family: -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, sans-serif;
          -webkit-font-smoothing: antialiased;
        }
#ab thead, tbody, tfoot, tr, td, th { border-style: none !important; }
 tr { background-color: transparent !important; }
#ab p { margin: 0 !important; padding: 0 !important; }
 #ab .dt_table { display: table !important; border-collapse: collapse !important; \
line-height: normal !important; margin-left: auto !important; margin-right: auto !important; \
color: #333333 !important; font-size: 16px !important; background-color: #FFFFFF !important; \
width: auto !important; border-top-style: solid !important; }
 #ab .dt_title { font-size: 125% !important; padding-left: 5px !important; }
 #ab .dt_row { padding-top: 8px !important; vertical-align: middle !important; \
overflow-x: hidden !important; }
 #ab .dt_striped { background-color: rgba(128,128,128,0.05) !important; }
 #ab .dt_span_outer:first-child { padding-left: 0 !important; }
 #ab .dt_footnote_marks { font-size: 75% !important; vertical-align: 0.4em !important; \
position: initial !important; }
 #ab .dt_star { font-size: 100% !important; vertical-align: 0 !important; }
</style>
<table class="dt_table" data-processing="off">
<thead><tr class="dt_heading"><td colspan="2" class="dt_heading dt_title dt_font_normal">Cities</td>
</tr><tr class="dt_col_headings"><th class="dt_col_heading dt_columns_bottom_border dt_left" \
rowspan="1" colspan="1" scope="col" id="city">city</th><th class="dt_col_heading dt_right" \
rowspan="1" colspan="1" scope="col" id="people">people</th></tr></thead>
<tbody class="dt_table_body"><tr><td class="dt_row dt_left">Oslo</td>
<td class="dt_row dt_right dt_striped">1</td></tr></tbody></table>
</div>""",
    # A searchable table: script of a module from elsewhere.
    "searchable-table": """<table id="t1" class="display nowrap" style="table-layout:auto;\
width:auto"><thead><tr><th>city</th></tr></thead></table>
<link href="https://cdn.example.com/dt.css" rel="stylesheet">
<script type="module">import {DataTable} from "https://cdn.example.com/npm/dt@2/+esm";
new DataTable(document.querySelector("#t1"), {data: [["Oslo"]]});</script>""",
    "searchable-table-offline": """<style>.dt {margin: 0}</style><table id="t2"><tbody><tr>
<td>Loading</td></tr></tbody></table><script>document.querySelector("#t2 td").textContent="Oslo"
</script>""",
    # A network of nodes that a script draws.
    "network": """<html><head><meta charset="utf-8"><script src="https://cdn.example.com/vis.min.js">
</script><style>#mynetwork {width: 100%; height: 600px; position: relative;}</style></head>
<body><div id="mynetwork"></div><script>var network = new vis.Network(
document.getElementById("mynetwork"), {}, {});</script></body></html>""",
    "network-inline": """<html><head><script>var vis = {Network: function (e) {
e.textContent = "drawn";}};</script><link rel="stylesheet" href="https://cdn.example.com/b.css">
<style>#mynetwork {width: 100%; height: 600px; float: left;}</style></head><body>
<div class="card"><div id="mynetwork" class="card-body"></div></div><script>
new vis.Network(document.getElementById("mynetwork"));</script></body></html>""",
    # A labelled array: icons, a sheet with variables, checkboxes that unfold.
    "labelled-array": """<div><svg style="position: absolute; width: 0; height: 0">
<defs><symbol id="icon-db" viewBox="0 0 32 32"><path d="M16 0z"></path></symbol></defs></svg>
<style>:root {--ink: var(--jp-content-font-color0, black);}
.la-wrap {display: block !important; min-width: 300px; max-width: 700px;}
.la-section-summary-in:checked + label:before {content: "▼";}
.la-dim-list li {display: inline-block; padding: 0;}</style>
<pre class="la-text-repr-fallback">array([1, 2])</pre><div class="la-wrap" style="display:none">
<ul class="la-sections"><li><input id="s1" class="la-section-summary-in" type="checkbox">
<label for="s1">Coordinates</label></li></ul></div></div>""",
    # A frame of columns with types, and a sheet beside the table.
    "typed-frame": """<div><style>
.dataframe > thead > tr,
.dataframe > tbody > tr {
  text-align: right;
  white-space: pre-wrap;
}
</style>
<small>shape: (2, 2)</small><table border="1" class="dataframe"><thead><tr><th>city</th>\
<th>people</th></tr><tr><td>str</td><td>i64</td></tr></thead><tbody><tr><td>&quot;Oslo&quot;</td>\
<td>1</td></tr></tbody></table></div>""",
    # A chunked array: a table beside a drawing.
    "chunked-array": """<table><tr><td><table style="border-collapse: collapse;"><thead><tr>
<td> </td><th> Array </th></tr></thead><tbody><tr><th> Bytes </th><td> 8 B </td></tr></tbody>
</table></td><td><svg width="170" height="170" style="stroke:rgb(0,0,0);stroke-width:1" >
<line x1="0" y1="0" x2="120" y2="0" style="stroke-width:2" /><polygon points="0,0 120,0 120,9"
 style="fill:#ECB172A0;stroke-width:0"/><text x="60" y="140" font-size="1.0rem"
 text-anchor="middle" >2</text></svg></td></tr></table>""",
    # A client's card: squares, details, a list.
    "cluster-card": """<div><div style="width: 24px; height: 24px; background-color: #e1e1e1; \
border: 3px solid #9D9D9D; border-radius: 5px; position: absolute;"> </div>
<div style="margin-left: 48px;"><h3 style="margin-bottom: 0px;">Client</h3>
<p style="color: #9D9D9D; margin-bottom: 0px;">Client-1</p><table style="width: 100%; \
text-align: left;"><tr><td style="text-align: left;"><strong>Workers:</strong> 2</td></tr></table>
<details><summary style="margin-bottom: 20px;"><h3 style="display: inline;">Info</h3></summary>
</details></div></div>""",
    # A graph as a drawing, with a heading of XML.
    "graph-svg": """<?xml version="1.0" encoding="UTF-8"?>
<svg width="62pt" height="44pt" viewBox="0 0 62 44" xmlns="http://www.w3.org/2000/svg"><g>
<ellipse fill="none" stroke="black" cx="27" cy="18" rx="27" ry="18"/><text x="27" y="22">a</text>
</g></svg>""",
    # Text of which words are marked with their kind.
    "marked-entities": """<div class="entities" style="line-height: 2.5; direction: ltr">
<mark class="entity" style="background: #feca74; padding: 0.45em 0.6em; margin: 0 0.25em; \
line-height: 1; border-radius: 0.35em;">Oslo<span style="font-size: 0.8em; font-weight: bold; \
line-height: 1; border-radius: 0.35em; vertical-align: middle; margin-left: 0.5rem">GPE</span>\
</mark> is a city.</div>""",
    # Weights of words, shown as the colour of each.
    "weighted-words": """<style>table.weights tr:hover {filter: brightness(85%);}</style>
<p style="margin-bottom: 0.5em; margin-top: 0em"><b>y=1</b> top features</p>
<table class="weights" style="border-collapse: collapse; border: none; margin-top: 0em;">
<tbody><tr style="background-color: hsl(120, 100.00%, 80.00%); border: none;"><td style="padding: \
0 1em 0 0.5em; text-align: right; border: none;">+1.0</td></tr></tbody></table>""",
    # Source code with a sheet of token classes.
    "source-code": """<style>pre { line-height: 125%; }
td.linenos .normal { color: inherit; background-color: transparent; padding-left: 5px; }
.output_html .hll { background-color: #ffffcc }
.output_html { background: #f8f8f8; }
.output_html .c { color: #3D7B7B; font-style: italic } /* Comment */
.output_html .k { color: #008000; font-weight: bold } /* Keyword */</style>
<div class="highlight"><pre><span></span><span class="k">def</span> f<span class="c"># a</span>
</pre></div>""",
    # A form of a library that asks for a login: never inline.
    "form": "<form action='/login'><input name=user><button>Log in</button></form>",
    # What loads a library and shows nothing.
    "loader": "<script>window.thing = {};</script><style>.thing {color: red}</style>",
    # A statistics library's summary: plain tables.
    "summary-tables": f"""<table class="simpletable"><caption>OLS Results</caption>{_ROWS}</table>
<table class="simpletable">{_ROWS}</table><br/><br/>Notes:<br/>[1] An assumption.""",
    # A repository's card with a badge of a data: picture and a link.
    "model-card": """<div style="border: 1px solid #ddd; box-shadow: 0 1px 3px rgba(0,0,0,.2); \
border-radius: 6px; padding: 8px; display: flex; gap: 8px"><img width="16" alt="logo" src="\
data:image/png;base64,iVBORw0KGgo="><a href="https://example.com/m">model</a></div>""",
    # A profile that a test runner or a tracer draws with nested boxes and variables of the page.
    "themed-card": """<style>.card-x {color: var(--jp-ui-font-color1); border: 1px solid \
var(--jp-border-color1, #ccc); padding: 4px;}</style><div class="card-x"><b>Run</b> done</div>""",
    # A sheet that follows the page's theme.
    "media-query": """<style>.tbl-1 td {color: #111} @media (prefers-color-scheme: dark) {
.tbl-1 td {color: #eee}}</style><table class="tbl-1"><tr><td>Oslo</td></tr></table>""",
}
