// What all parts share: the data, elements, numbers in words, and the colour and mark of each member.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

// An element. Children are elements or texts; a text stays text, whoever wrote it.
function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// A table; on a narrow screen its rows become cards. The roles are said in words, because `display` would take them.
function table(head, rows, label) {
  const align = (one) => (one.number ? { class: "number" } : one.text ? { class: "text" } : {});
  const names = head.map((one) => el("th", { scope: "col", role: "columnheader", ...align(one) }, one.name));
  const body = rows.map((row) => {
    const cells = row.cells.map((cell, i) => {
      const [kind, role] = i ? ["td", { role: "cell", "data-name": head[i].name }] : ["th", { role: "rowheader", scope: "row" }];
      const content = [cell].flat();
      return el(kind, { ...role, ...align(head[i]), ...(content.some(Boolean) ? {} : { "data-empty": "" }) }, el("div", {}, ...content));
    });
    return el("tr", { role: "row", ...(row.current ? { "aria-current": "true" } : {}) }, ...cells);
  });
  const above = el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...names));
  const made = el("table", { role: "table", "aria-label": label }, above, el("tbody", { role: "rowgroup" }, ...body));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, made);
}

function definitions(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", {}, ...shown.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, ...[value].flat())]));
}

// ---- numbers ------------------------------------------------------------------------------------------------------

const plain = (value, digits = 3) => String(Number(value.toPrecision(digits)));
const whole = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 });
const percent = (share) => `${(100 * share).toFixed(share && share < 0.1 ? 1 : 0)} %`;
const points = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(0)}`;
const usd = (value) => (value ? `$${value < 0.1 ? plain(value, 2) : value.toFixed(2)}` : "$0");

function ms(value) {
  return value === null || value === undefined ? "" : `${plain(value, 4)} ms`;
}

function duration(seconds) {
  if (seconds < 100) return `${seconds < 10 ? plain(seconds, 2) : seconds.toFixed(0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function size(params) {
  if (!params || params <= 1) return "";
  const [unit, letter] = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]].find(([least]) => params >= least) ?? [1, ""];
  return `${plain(params / unit)}${letter} parameters`;
}

function moment(text) {
  if (!text) return "at an unknown time";
  const when = { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" };
  return `${new Intl.DateTimeFormat("en-GB", when).format(new Date(text))} UTC`;
}

// ---- members ------------------------------------------------------------------------------------------------------

const ESCALATED = ", escalated";
const COLOURS = 8;
// Paths around the point where the pen stands.
const SHAPES = [
  (r) => `m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  (r) => `m${-0.9 * r} ${-0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`,
  (r) => `m0 ${-1.2 * r}l${1.1 * r} ${2 * r}h${-2.2 * r}z`,
  (r) => `m0 ${-1.25 * r}l${1.25 * r} ${1.25 * r}l${-1.25 * r} ${1.25 * r}l${-1.25 * r} ${-1.25 * r}z`,
  (r) => `m0 ${1.2 * r}l${1.1 * r} ${-2 * r}h${-2.2 * r}z`,
];
const numbers = new Map();
for (const member of data.members) {
  const name = memberOf(member.name);
  if (!numbers.has(name)) numbers.set(name, numbers.size);
}

function memberOf(account) {
  return account.endsWith(ESCALATED) ? account.slice(0, -ESCALATED.length) : account;
}

// In the order of the pool; whoever is not in it, such as the database, last.
function byPool(a, b) {
  return (numbers.get(memberOf(a)) ?? Infinity) - (numbers.get(memberOf(b)) ?? Infinity) || 0;
}

function colour(account) {
  const number = numbers.get(memberOf(account));
  return number === undefined ? "var(--none)" : `var(--m${number % COLOURS})`;
}

function shape(account, r, x = 0, y = 0) {
  const draw = SHAPES[(numbers.get(memberOf(account)) ?? 0) % SHAPES.length];
  return `M${x.toFixed(1)} ${y.toFixed(1)}${draw(r)}`;
}

function mark(account) {
  const path = svg("path", { d: shape(account, 5) });
  path.style.fill = colour(account);
  return svg("svg", { class: "mark", viewBox: "-6 -6 12 12", "aria-hidden": "true" }, path);
}

function who(account) {
  const name = memberOf(account);
  const note = name === account ? null : el("span", { class: "tag up" }, "escalated");
  return el("span", { class: "who" }, mark(account), name, note);
}
