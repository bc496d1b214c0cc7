// Puts the parts together, for the task that is looked at.

let rows, overview;

function choose(number) {
  const task = data.tasks[number];
  const view = viewOf(task);
  byId("task").value = String(number);
  drawResults(number, choose);
  drawCharts(task, view);
  drawTree(view);
  drawKernels(task);
  drawFacts(task);
}

function drawTree(view) {
  rows = new Rows(byId("nodes"), view, (node) => {
    overview.selected = node;
    overview.draw();
    drawNode(view, node, go);
  });
  overview = new Overview(byId("overview"), view, go);
  const authors = [...new Set(view.tree.author.map((number) => memberOf(view.text(number))))].filter(Boolean).sort(byPool);
  const options = authors.map((name) => el("option", { value: name }, name));
  byId("by").replaceChildren(el("option", { value: "" }, "anybody"), ...options);
  const nodes = view.depth.map((_, node) => node);
  const kinds = KINDS.filter(([, , test]) => nodes.some((node) => test(view, node)));
  byId("kind").replaceChildren(...kinds.map(([name, text]) => el("option", { value: name }, text)));
  showAll();
  rows.go(view.best);
}

// Go to a node, which the filter may have hidden.
function go(node) {
  if (!rows.view.below[node]) showAll();
  rows.go(node);
}

function showAll() {
  byId("find").value = byId("by").value = "";
  byId("kind").value = "all";
  search(rows.view);
}

function search(view) {
  view.search(byId("find").value, byId("by").value, byId("kind").value);
  const count = view.matches.length;
  byId("matches").textContent = view.filtered ? `${whole(count)} of ${whole(view.count)} nodes` : "";
  byId("next").disabled = byId("previous").disabled = !view.filtered || !count;
}

function jump(step) {
  const { matches } = rows.view;
  const after = matches.findIndex((node) => node > rows.selected);
  const before = matches.filter((node) => node < rows.selected).length - 1;
  const place = step > 0 ? (after < 0 ? 0 : after) : before < 0 ? matches.length - 1 : before;
  if (matches.length) rows.go(matches[place]);
}

function refine() {
  const { view } = rows;
  search(view);
  if (view.filtered && view.matches.length && !view.matching.has(rows.selected)) jump(1);
  else rows.go(view.below[rows.selected] ? rows.selected : 0);
}

let typing;
byId("find").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(refine, 150);
});
byId("find").addEventListener("keydown", (event) => event.key === "Enter" && jump(event.shiftKey ? -1 : 1));
byId("by").addEventListener("change", refine);
byId("kind").addEventListener("change", refine);
byId("next").addEventListener("click", () => jump(1));
byId("previous").addEventListener("click", () => jump(-1));
byId("best").addEventListener("click", () => go(rows.view.best));
byId("task").append(...data.tasks.map((task, i) => el("option", { value: String(i) }, nameOf(task, i))));
byId("task").addEventListener("change", (event) => choose(Number(event.target.value)));
byId("task-choice").hidden = data.tasks.length < 2;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => overview.draw());
new ResizeObserver(() => overview?.draw()).observe(byId("overview"));
byId("foot").textContent = `Written by litecoop ${data.litecoop} from the journal of ${data.work_dir}. This page loads nothing from anywhere.`;

drawHead();
drawMembers();
drawTime();
choose(0);
