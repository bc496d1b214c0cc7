// Where the time went, the programs, and what it takes to make the run again.

function drawTime() {
  const { total, measuring, waiting, search, model, hidden } = data.seconds;
  const parts = [
    ["building and measuring", measuring, "var(--m0)", "from handing a batch to TVM until its results are back"],
    ["waiting for members", waiting, "var(--m1)", "the search stood still for an answer"],
    ["search and the rest", search, "var(--none)", "tree, free members, TVM's replay, cost model and start"],
  ];
  const bar = el("div", { class: "bar", "aria-hidden": "true" });
  const list = el("dl", { class: "parts" });
  for (const [name, seconds, paint, what] of parts) {
    const part = el("i"), swatch = el("i", { class: "swatch" });
    part.style.flexGrow = seconds;
    part.style.background = swatch.style.background = paint;
    bar.append(...(seconds > 0 ? [part] : []));
    const share = total ? `, ${percent(seconds / total)}` : "";
    list.append(el("div", {}, el("dt", {}, swatch, name), el("dd", {}, `${duration(seconds)}${share}`, el("div", { class: "quiet" }, what))));
  }
  const beside = model
    ? `Model time in all: ${duration(model)}; ${duration(hidden)} of it passed while kernels were built and timed.`
    : "No model time: nobody but free members answered.";
  byId("time-bar").replaceChildren(bar, list, el("p", { class: "quiet" }, beside));
}

// ---- programs and settings -------------------------------------------------------------------------------------------

function drawKernels(task) {
  const shown = [];
  if (task.which) shown.push(el("p", {}, `The winner in this work dir: ${task.which}.`));
  if (task.missing) shown.push(el("p", { class: "quiet" }, `Not everything can be shown: ${task.missing}.`));
  const listing = (title, text) => el("figure", {}, el("figcaption", {}, title), el("pre", { tabindex: "0", role: "region", "aria-label": title }, text));
  const pair = [["Tuned", task.tuned], ["Untuned", task.untuned]].filter(([, text]) => text);
  if (pair.length) shown.push(el("div", { class: "two" }, ...pair.map(([title, text]) => listing(title, text))));
  if (task.schedule.length) {
    const text = el("pre", { tabindex: "0", role: "region", "aria-label": "Schedule" }, task.schedule.join("\n"));
    shown.push(el("details", {}, el("summary", {}, `The schedule, ${task.schedule.length} statements`), text));
  }
  byId("kernels").replaceChildren(...shown);
}

function drawFacts(task) {
  const { settings = {}, pool = {}, ...versions } = task.facts;
  const [hash, ...target] = task.identity.split(" ");
  const members = Object.entries(pool.members ?? {}).map(([name, params]) => [name, size(params)].filter(Boolean).join(", "));
  const limits = Object.entries(pool.limits ?? {}).filter(([, most]) => most !== null).map(([name, most]) => `${name} ${most}`);
  const code = (text) => el("code", {}, text);
  byId("facts").replaceChildren(
    el("div", { class: "two" },
      el("div", {}, el("h3", {}, "Run"), definitions([
        ["workload", [code(hash), " (TVM's structural hash)"]], ["target", code(target.join(" "))], ["seed", code(String(task.seed))],
        ["members", members.join("; ")], ["limits", limits.join(", ") || "none"],
        ...Object.entries(versions).filter(([name]) => name !== "seed").map(([name, value]) => [name, code(String(value))]),
        ...data.again.map(([name, command]) => [name, code(command)]),
      ])),
      el("div", {}, el("h3", {}, "Settings of the search"), definitions(
        Object.entries(settings).map(([name, value]) => [name, code(String(value))]),
      )),
    ),
    el("p", { class: "quiet" }, "Same seed, same tree holds for pools of free members; answers of models and measured times are part of the input."),
  );
}
