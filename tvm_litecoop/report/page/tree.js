// The tree as rows that open and close (the ARIA tree pattern). Only the rows of open nodes exist.

const AT_ONCE = 20; // children of a node that are shown until more are asked for
const DEEPEST = 14; // levels that are moved in further and further

class Rows {
  constructor(box, view, onSelect) {
    Object.assign(this, { box, view, onSelect, open: new Set(), most: new Map(), rows: [] });
    this.selected = view.best;
    box.onclick = (event) => this.click(event);
    box.onkeydown = (event) => this.key(event);
  }

  // Select a node, with the way to it open.
  go(node, focus = false) {
    this.selected = node;
    const path = this.view.path(node);
    path.slice(0, -1).forEach((above, i) => {
      this.open.add(above);
      const place = this.view.shown(above).indexOf(path[i + 1]);
      if (place >= this.limit(above)) this.most.set(above, place + 1);
    });
    this.draw(focus);
    this.onSelect(node);
  }

  limit(node) {
    return this.most.get(node) ?? AT_ONCE;
  }

  // The rows that are to be seen: node, level, place among its siblings, how many these are.
  list() {
    const found = [];
    const stack = [[0, 1, 1, 1]];
    while (stack.length) {
      const row = stack.pop();
      found.push(row);
      const [node, level, , , more] = row;
      if (more || !this.open.has(node)) continue;
      const children = this.view.shown(node);
      const shown = children.slice(0, this.limit(node));
      const rows = shown.map((child, i) => [child, level + 1, i + 1, children.length]);
      const left = children.length - shown.length;
      if (left) rows.push([node, level + 1, shown.length + 1, children.length, left]);
      stack.push(...rows.reverse());
    }
    return found;
  }

  draw(focus = false) {
    this.rows = this.list();
    if (!this.rows.some(([node]) => node === this.selected)) this.selected = 0;
    this.box.replaceChildren(...this.rows.map((row) => (row[4] ? this.more(row) : this.row(row))));
    const row = this.element(this.selected);
    if (focus) row.focus({ preventScroll: true });
    const top = row.offsetTop - this.box.offsetTop;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop || top > scrollTop + clientHeight - 40) this.box.scrollTop = top - clientHeight / 2;
  }

  element(node) {
    return this.box.querySelector(`[data-node="${node}"]`);
  }

  row([node, level, place, count]) {
    const { view } = this;
    const inner = view.children[node].some((child) => view.below[child]);
    const attributes = {
      role: "treeitem", class: `row${view.matching.has(node) ? "" : " aside"}`, "data-node": node, "aria-level": level,
      "aria-posinset": place, "aria-setsize": count, "aria-selected": node === this.selected,
      tabindex: node === this.selected ? "0" : "-1",
    };
    if (inner) attributes["aria-expanded"] = this.open.has(node);
    const twisty = el("span", { class: "twisty", "aria-hidden": "true" }, inner ? (this.open.has(node) ? "▼" : "▶") : "");
    const name = el("small", { class: "who-name" }, node ? ` ${view.author(node)}` : "");
    const what = el("span", { class: "what" }, view.edits(node).join(", "), name);
    const timed = view.tree.ms[node] !== null;
    const value = el("span", { class: "value" }, timed ? el("b", {}, view.state(node)) : view.state(node));
    const row = el("div", attributes, twisty, mark(view.author(node)), what, ...this.tags(node), value);
    row.style.paddingLeft = `${this.indent(level)}px`;
    return row;
  }

  indent(level) {
    return Math.min(level - 1, DEEPEST) * (this.box.clientWidth < 500 ? 8 : 14);
  }

  tags(node) {
    const { view } = this;
    return [
      node === view.best && view.task.best !== null ? el("span", { class: "tag best" }, "best") : null,
      view.escalated(node) ? el("span", { class: "tag up" }, "escalated") : null,
      view.is("closed", node) ? el("span", { class: "tag" }, "closed") : null,
    ];
  }

  more([node, level, place, count, left]) {
    const attributes = { role: "treeitem", class: "row", "data-more": node, "aria-level": level, tabindex: "-1" };
    const row = el("div", { ...attributes, "aria-posinset": place, "aria-setsize": count }, `${whole(left)} more …`);
    row.style.paddingLeft = `${this.indent(level) + 24}px`;
    return row;
  }

  click(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    if (row.dataset.more) return this.showMore(Number(row.dataset.more));
    const node = Number(row.dataset.node);
    if (event.target.closest(".twisty") || node === this.selected) this.toggle(node);
    this.select(node);
  }

  showMore(node) {
    const next = this.view.shown(node)[this.limit(node)];
    this.most.set(node, this.limit(node) + AT_ONCE);
    this.go(next, true);
  }

  toggle(node) {
    if (!this.open.delete(node)) this.open.add(node);
  }

  select(node) {
    this.selected = node;
    this.draw(true);
    this.onSelect(node);
  }

  key(event) {
    const focused = document.activeElement;
    const elements = [...this.box.children];
    const at = Math.max(0, elements.indexOf(focused));
    const node = this.selected;
    const inner = this.element(node)?.getAttribute("aria-expanded");
    const onMore = focused.dataset?.more;
    const moves = {
      ArrowDown: () => this.focus(elements[Math.min(at + 1, elements.length - 1)]),
      ArrowUp: () => this.focus(elements[Math.max(at - 1, 0)]),
      Home: () => this.focus(elements[0]),
      End: () => this.focus(elements[elements.length - 1]),
      ArrowRight: () => (inner === "false" ? this.change(node) : inner === "true" && this.focus(elements[at + 1])),
      ArrowLeft: () => (inner === "true" ? this.change(node) : node && this.select(this.view.tree.parent[node])),
      Enter: () => (onMore ? this.showMore(Number(onMore)) : inner && this.change(node)),
    };
    moves[" "] = moves.Enter;
    if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moves[event.key]();
  }

  change(node) {
    this.toggle(node);
    this.select(node);
  }

  focus(row) {
    if (row.dataset.more) row.focus();
    else this.select(Number(row.dataset.node));
  }
}
