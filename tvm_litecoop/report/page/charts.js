// Best latency over trials and over time: every trial as a mark of its author, the best so far as a line.

const MARGIN = { left: 58, right: 24, top: 12, bottom: 40 };
const HEADROOM = 2; // the axis ends at this many times the first result; what is slower stands at its end
const LOG_FROM = 6; // largest over smallest from which a linear axis hides the end of the run

function improvements(task) {
  let best = Infinity;
  const found = [];
  task.points.forEach(([node, at, time], i) => {
    if (time !== null && time < best) found.push({ node, at, ms: (best = time), trial: i + 1 });
  });
  return found;
}

function drawCharts(task, view) {
  const better = improvements(task);
  const trials = task.points.map(([node, at, time], i) => ({ node, at, ms: time, trial: i + 1 }));
  const authors = new Set(trials.map((one) => memberOf(view.author(one.node))));
  byId("legend").replaceChildren(...[...authors].sort(byPool).map(who), el("span", { class: "quiet" }, key(trials, better)));
  chart(byId("by-trial"), trials, better, view, (one) => one.trial, "trials", `${task.trials} trials`);
  chart(byId("by-time"), trials, better, view, (one) => one.at, "seconds since the run began", "time");
  const rows = better.map((one) => ({
    cells: [
      String(one.trial), duration(one.at), ms(one.ms), who(view.author(one.node)), view.edits(one.node).join(", "),
    ],
  }));
  const head = [
    { name: "trial", number: true }, { name: "after", number: true }, { name: "best", number: true }, { name: "by" },
    { name: "with", text: true },
  ];
  const shown = table(head, rows, "Improvements");
  byId("improvements").replaceChildren(el("summary", {}, `As a table: ${better.length} improvements`), shown);
}

// What else is drawn.
function key(trials, better) {
  const slow = better.length && trials.some((one) => one.ms > HEADROOM * better[0].ms);
  const parts = ["line: best so far", slow ? "at the upper edge: slower than shown" : "", trials.some((one) => one.ms === null) ? "×: failed" : ""];
  return parts.filter(Boolean).join("; ");
}

function chart(box, trials, better, view, x, label, over) {
  const timed = trials.filter((one) => one.ms !== null);
  box.redraw?.disconnect();
  if (!timed.length) return box.replaceChildren(el("p", { class: "quiet" }, "Nothing has a time yet."));
  const readout = el("p", { class: "readout" });
  const draw = () => {
    const picture = paint(box.clientWidth, box.clientHeight - 26, trials, timed, better, view, x, label, over, readout);
    box.replaceChildren(picture, readout);
  };
  let width = 0;
  box.redraw = new ResizeObserver(() => {
    if (box.clientWidth !== width) {
      width = box.clientWidth;
      draw();
    }
  });
  box.redraw.observe(box);
}

function paint(width, height, trials, timed, better, view, x, label, over, readout) {
  const inner = { right: width - MARGIN.right, bottom: height - MARGIN.bottom };
  const across = scale(0, trials.reduce((most, one) => Math.max(most, x(one)), 0) || 1, MARGIN.left, inner.right, false);
  const low = better[better.length - 1].ms;
  const slowest = timed.reduce((most, one) => Math.max(most, one.ms), low);
  const high = Math.min(slowest, HEADROOM * better[0].ms);
  const log = high / low > LOG_FROM;
  const up = scale(log ? low / 1.6 : 0, high * 1.06, inner.bottom, MARGIN.top, log);
  const says = `Best latency over ${over}: ${ms(better[0].ms)} at first, ${ms(low)} at the end`;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": says });
  for (const tick of up.ticks) {
    picture.append(svg("line", { class: "grid", x1: MARGIN.left, x2: inner.right, y1: up(tick), y2: up(tick) }));
    picture.append(svg("text", { x: MARGIN.left - 8, y: up(tick) + 4, "text-anchor": "end" }, plain(tick)));
  }
  for (const tick of across.ticks) {
    picture.append(svg("text", { x: across(tick), y: inner.bottom + 17, "text-anchor": "middle" }, plain(tick, 6)));
  }
  picture.append(
    svg("text", { x: inner.right, y: height - 6, "text-anchor": "end" }, label),
    svg("text", { x: 0, y: MARGIN.top - 1, "dominant-baseline": "middle" }, log ? "ms, log" : "ms"),
    ...cloud(timed, view, x, across, up),
    svg("path", { class: "failed", d: crosses(trials, x, across, MARGIN.top + 4) }),
    svg("path", { class: "best", d: steps(better, x, across, up, inner.right) }),
    ...better.map((one) => dot(one, view, across(x(one)), up(one.ms))),
  );
  picture.append(svg("text", { class: "strong", x: inner.right, y: up(low) + 20, "text-anchor": "end" }, ms(low)));
  listen(picture, trials, view, x, across, inner, readout);
  return picture;
}

// All trials of one author in one path: ten thousand trials are a handful of elements.
function cloud(timed, view, x, across, up) {
  const paths = new Map();
  for (const one of timed) {
    const author = view.author(one.node);
    if (!paths.has(author)) paths.set(author, []);
    paths.get(author).push(shape(author, 3, across(x(one)), Math.max(up(one.ms), MARGIN.top)));
  }
  return [...paths].map(([author, parts]) => {
    const path = svg("path", { d: parts.join(""), opacity: 0.5 });
    path.style.fill = colour(author);
    return path;
  });
}

function dot(one, view, left, top) {
  const author = view.author(one.node);
  const path = svg("path", { class: "halo", d: shape(author, 5.5, left, top) });
  path.style.fill = colour(author);
  path.append(svg("title", {}, `trial ${one.trial}: ${ms(one.ms)} by ${author}`));
  return path;
}

function crosses(trials, x, across, top) {
  const failed = trials.filter((one) => one.ms === null);
  return failed.map((one) => `M${across(x(one)) - 3} ${top - 3}l6 6m0 -6l-6 6`).join("");
}

function steps(better, x, across, up, right) {
  const first = better[0];
  const line = better.slice(1).map((one) => `H${across(x(one))}V${up(one.ms)}`).join("");
  return `M${across(x(first))} ${up(first.ms)}${line}H${right}`;
}

function listen(picture, trials, view, x, across, inner, readout) {
  const pointer = svg("line", { class: "pointer", y1: MARGIN.top, y2: inner.bottom, visibility: "hidden" });
  picture.append(pointer);
  const nearest = (event) => {
    const left = event.clientX - picture.getBoundingClientRect().left;
    return trials.reduce((a, b) => (Math.abs(across(x(b)) - left) < Math.abs(across(x(a)) - left) ? b : a));
  };
  picture.addEventListener("pointermove", (event) => {
    const one = nearest(event);
    const left = across(x(one));
    fill(pointer, { x1: left, x2: left, visibility: "visible" }, []);
    const time = one.ms === null ? "failed" : ms(one.ms);
    readout.textContent = `trial ${one.trial}, ${duration(one.at)}: ${time} by ${view.author(one.node)} (#${one.node})`;
  });
  picture.addEventListener("pointerleave", () => {
    pointer.setAttribute("visibility", "hidden");
    readout.textContent = "";
  });
}

// ---- axes ---------------------------------------------------------------------------------------------------------

function scale(low, high, from, to, log) {
  const t = log ? Math.log : (value) => value;
  const place = (value) => from + ((t(value) - t(low)) / (t(high) - t(low) || 1)) * (to - from);
  place.ticks = log ? logTicks(low, high) : evenTicks(low, high, Math.abs(to - from));
  return place;
}

function evenTicks(low, high, length) {
  const rough = (high - low) / Math.max(2, Math.min(6, length / 70));
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(i * step);
  return found;
}

function logTicks(low, high) {
  const found = [];
  const factors = high / low > 1000 ? [1] : high / low > 30 ? [1, 3] : [1, 2, 5];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    for (const factor of factors) if (factor * power >= low && factor * power <= high) found.push(factor * power);
  }
  return found;
}
