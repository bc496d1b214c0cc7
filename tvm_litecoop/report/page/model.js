// The tree of a task as the page uses it: fields by node, children, sizes, the way to the best, what matches a search.

const MARKS = { closed: 1, exhausted: 2, waiting: 4, running: 8, dropped: 16 };
const KINDS = [
  ["all", "all nodes", () => true],
  ["measured", "measured", (view, node) => view.tree.ms[node] !== null],
  ["records", "improvements", (view, node) => view.records.has(node)],
  ["escalated", "escalations", (view, node) => view.escalated(node)],
  ["refused", "with refused proposals", (view, node) => node in view.tree.refused],
  ["failed", "failed", (view, node) => node in view.tree.errors],
  ["unmeasured", "not measured", (view, node) => view.tree.ms[node] === null && !(node in view.tree.errors)],
];
const views = new Map();

function viewOf(task) {
  if (!views.has(task)) views.set(task, new View(task));
  return views.get(task);
}

class View {
  constructor(task) {
    this.task = task;
    this.tree = task.tree;
    this.count = this.tree.parent.length;
    this.best = task.best ?? 0;
    this.records = new Set(improvements(task).map((one) => one.node));
    this.children = Array.from({ length: this.count }, () => []);
    this.depth = new Uint32Array(this.count);
    this.size = new Uint32Array(this.count).fill(1);
    for (let node = 1; node < this.count; node++) {
      this.children[this.tree.parent[node]].push(node);
      this.depth[node] = this.depth[this.tree.parent[node]] + 1;
    }
    for (let node = this.count - 1; node > 0; node--) this.size[this.tree.parent[node]] += this.size[node];
    this.search("", "", "all");
  }

  text(number) {
    return this.tree.texts[number];
  }

  author(node) {
    return this.text(this.tree.author[node]) || "start";
  }

  edits(node) {
    const edits = this.tree.edits[node].map((number) => this.text(number));
    if (edits.length) return edits;
    return [node === 0 ? "the start of the tree" : "from an earlier run"];
  }

  decisions(node) {
    return this.tree.decisions[node].map((number) => this.text(number));
  }

  is(mark, node) {
    return (this.tree.marks[node] & MARKS[mark]) !== 0;
  }

  escalated(node) {
    return node in this.tree.handed || this.author(node).endsWith(ESCALATED);
  }

  path(node) {
    const found = [];
    for (let at = node; at >= 0; at = this.tree.parent[at]) found.push(at);
    return found.reverse();
  }

  // What a node is said to be worth: its time, or why it has none.
  state(node) {
    if (this.tree.ms[node] !== null) return ms(this.tree.ms[node]);
    if (node in this.tree.errors) return "failed";
    if (this.is("running", node)) return "being measured";
    if (this.is("waiting", node)) return "waiting";
    return node === 0 ? "not measured" : "passed over";
  }

  // The children that lead to a match, the best below first.
  shown(node) {
    const value = this.tree.value;
    const found = this.children[node].filter((child) => this.below[child]);
    return found.sort((a, b) => (value[b] ?? -1) - (value[a] ?? -1) || a - b);
  }

  search(text, author, kind) {
    const test = KINDS.find(([name]) => name === kind)[2];
    const wanted = text.trim().toLowerCase();
    this.filtered = Boolean(wanted || author || kind !== "all");
    this.matches = [];
    this.below = new Uint32Array(this.count);
    for (let node = 0; node < this.count; node++) {
      const fits = (!author || memberOf(this.author(node)) === author) && test(this, node);
      if (fits && (!wanted || this.words(node).includes(wanted))) this.matches.push(node);
    }
    for (const node of this.matches) this.below[node] = 1;
    for (let node = this.count - 1; node > 0; node--) this.below[this.tree.parent[node]] += this.below[node];
    this.matching = new Set(this.matches);
  }

  words(node) {
    return `#${node} ${this.edits(node).join(" ")} ${this.text(this.tree.reason[node])} ${this.author(node)}`.toLowerCase();
  }
}
