// The whole tree as a picture: a row for each depth, as wide as subtrees have nodes.

const FRAMED = 6; // pixels of a row from which a frame leaves something to be seen

class Overview {
  constructor(canvas, view, onPick) {
    Object.assign(this, { canvas, view, selected: view.best });
    this.rows = view.depth.reduce((most, depth) => Math.max(most, depth), 0) + 1;
    this.left = new Float64Array(view.count);
    const next = new Float64Array(view.count);
    for (let node = 1; node < view.count; node++) {
      const above = view.tree.parent[node];
      this.left[node] = next[above];
      next[above] += view.size[node];
      next[node] = this.left[node];
    }
    canvas.setAttribute("aria-label", `${whole(view.count)} nodes in ${this.rows} rows; the rows below say the same in words`);
    canvas.onclick = (event) => {
      const node = this.at(event);
      if (node !== null) onPick(node);
    };
    canvas.onpointermove = (event) => {
      const node = this.at(event);
      canvas.title = node === null ? "" : `#${node} ${view.author(node)}: ${view.edits(node).join(", ")}, ${view.state(node)}`;
    };
  }

  get unit() {
    return this.canvas.clientWidth / this.view.count;
  }

  get height() {
    return this.canvas.clientHeight / this.rows;
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top) / this.height);
    const x = (event.clientX - box.left) / this.unit;
    let node = 0;
    while (this.view.depth[node] < row) {
      const inside = this.view.children[node].find((child) => x >= this.left[child] && x < this.left[child] + this.view.size[child]);
      if (inside === undefined) return null;
      node = inside;
    }
    return node;
  }

  draw() {
    const { canvas, view } = this;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const pen = canvas.getContext("2d");
    const colours = this.colours();
    pen.scale(ratio, ratio);
    const best = new Set(view.path(view.best));
    for (let node = 0; node < view.count; node++) {
      const faint = view.filtered ? (view.matching.has(node) ? 1 : 0.12) : best.has(node) ? 1 : 0.55;
      pen.globalAlpha = faint;
      pen.fillStyle = colours.get(view.tree.author[node]);
      pen.fillRect(...this.cell(node));
    }
    pen.globalAlpha = 1;
    pen.lineWidth = 1.5;
    pen.strokeStyle = this.ink;
    if (this.height > FRAMED) for (const node of best) pen.strokeRect(...this.cell(node));
    this.ring(pen, this.selected);
  }

  cell(node) {
    const width = this.view.size[node] * this.unit;
    const [gap, below] = [width > 3 ? 1 : 0, this.height > 4 ? 1 : 0];
    return [this.left[node] * this.unit, this.view.depth[node] * this.height, Math.max(width - gap, 0.6), this.height - below];
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const found = new Map();
    for (const number of new Set(this.view.tree.author)) {
      const name = colour(this.view.text(number)).slice("var(".length, -1);
      found.set(number, style.getPropertyValue(name).trim());
    }
    this.ink = style.getPropertyValue("--text").trim();
    this.paper = style.getPropertyValue("--card").trim();
    return found;
  }

  ring(pen, node) {
    const [left, top, width, height] = this.cell(node);
    pen.beginPath();
    pen.arc(left + width / 2, top + height / 2, 4.5, 0, 2 * Math.PI);
    pen.fillStyle = this.paper;
    pen.fill();
    pen.lineWidth = 2;
    pen.stroke();
  }
}
