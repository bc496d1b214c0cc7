// What is known of one node.

function drawNode(view, node, go) {
  const { tree } = view;
  const above = tree.parent[node];
  const reason = view.text(tree.reason[node]);
  const link = (text, to) => {
    const button = el("button", { type: "button", class: "link" }, text);
    button.addEventListener("click", () => go(to));
    return button;
  };
  const best = view.shown(node)[0];
  byId("node").replaceChildren(
    el("h3", {}, `Node ${node}`, node === 0 ? ", the start" : ""),
    el("p", {}, ...(node === 0 ? ["Where the tree begins."] : [who(view.author(node)), ` proposed it${tree.step[node] ? ` in step ${tree.step[node]}` : ""}:`])),
    tree.edits[node].length ? el("ul", {}, ...view.edits(node).map((edit) => el("li", {}, edit))) : "",
    reason ? el("blockquote", {}, reason) : "",
    definitions([
      ["measured", measured(view, node)],
      ["against parent", against(view, node, above)],
      ["predicted", tree.predicted[node] === null ? null : `score ${plain(tree.predicted[node])} of TVM's cost model (higher is faster)`],
      ["value", tree.value[node] === null ? null : `${plain(tree.value[node])} × the best's speed, ${view.task.backup === "max" ? "by the best program below" : "mean of all programs below"}`],
      ["visits", `${whole(tree.visits[node])}, ${whole(view.size[node] - 1)} nodes below`],
      ["acts next", el("span", {}, who(view.text(tree.next[node])))],
      ["marks", marks(view, node)],
      ["moved by TVM", tree.moved[node]?.join(", ")],
      ["go to", [above >= 0 ? link("parent", above) : "", above >= 0 && best !== undefined ? " · " : "", best !== undefined ? link("best child", best) : ""]],
    ]),
    ...refused(tree.refused[node]),
    ...program(view, node, above),
  );
}

function measured(view, node) {
  const { tree } = view;
  if (node in tree.errors) return `failed: ${tree.errors[node]}`;
  if (tree.ms[node] === null) return view.state(node);
  const [low, high, count] = tree.runs[node] ?? [];
  const spread = count > 1 ? ` (${count} timings, ${plain(low, 4)} to ${plain(high, 4)})` : "";
  return `${ms(tree.ms[node])}${spread}${tree.trial[node] ? `, trial ${tree.trial[node]}` : ""}`;
}

function against(view, node, above) {
  const [own, old] = [view.tree.ms[node], above >= 0 ? view.tree.ms[above] : null];
  if (!own || !old) return null;
  return own < old ? `${plain(old / own)}× as fast` : `${plain(own / old)}× as slow`;
}

function marks(view, node) {
  const found = [];
  if (node === view.best && view.task.best !== null) found.push("the best program in the tree");
  else if (view.records.has(node)) found.push("the best so far when it was measured");
  if (node in view.tree.handed) found.push(`handed to ${view.tree.handed[node].join(", ")}, because smaller members kept making it slower`);
  if (view.is("closed", node)) found.push("closed by an escalation");
  if (view.is("exhausted", node) && !view.is("closed", node)) found.push("exhausted: nothing new can come from here");
  return found.join("; ");
}

function refused(found) {
  if (!found) return [];
  const [count, ...newest] = found;
  const items = newest.map(([author, edits, why]) => el("li", {}, `${author}: ${edits.join(", ")}${edits.length ? ", " : ""}${why}`));
  const more = count > newest.length ? `, the newest ${newest.length}` : "";
  return [el("h3", {}, `Refused here: ${whole(count)}${more}`), el("ul", {}, ...items)];
}

function program(view, node, above) {
  const same = above >= 0 && view.tree.sketch[above] === view.tree.sketch[node];
  const before = same ? view.decisions(above) : [];
  const items = view.decisions(node).map((text, i) => {
    if (!same || text === before[i]) return el("li", {}, text);
    return el("li", {}, el("b", {}, text), el("span", { class: "quiet" }, `, was ${before[i].split(" = ")[1]}`));
  });
  const other = same || node === 0 ? "" : ", another than the parent's";
  const title = `The program: design space ${view.tree.sketch[node]}${other}`;
  return [el("h3", {}, title), el("ul", {}, ...items)];
}
