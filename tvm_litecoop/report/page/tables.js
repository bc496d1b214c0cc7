// The head, results by task, members, seconds, programs, and what it takes to make the run again.

const FREE = "the free members";
const MEANINGS = [
  ["calls", "times the member was asked"],
  ["measured", "its programs that were built and timed"],
  ["hit rate", "those of them that are faster than the program they were made from (than the best so far, where that has no time)"],
  ["records", "those that were the best so far"],
  ["lift", `the hit rate less that of ${FREE} together, in percentage points, with a 95 % interval (Newcombe). Nothing is
    claimed below 8 measured programs on either side, nor where the interval holds 0. Members act on nodes that the search
    gave them, not on random ones: it says what happened in this run.`],
  ["refused", "proposals that could not be used, with the reasons"],
  ["faults", "calls without an answer"],
  ["model time", "seconds the member took to answer; waited: those in which the search stood still for it"],
  ["escalated", "calls after an escalation have a row of their own: they begin where others have failed"],
];

function bestOf(task) {
  const better = improvements(task);
  return better[better.length - 1] ?? null;
}

function drawHead() {
  const { run } = data;
  const state = run.ended ? "finished" : "not finished: still going on, or cut off";
  const others = run.others.map(([number, begun]) => `run ${number} (${moment(begun)})`).join(", ");
  byId("about").textContent =
    `Run ${run.number}, begun ${moment(run.begun)}, ${state}. Read ${moment(data.read)}.` +
    (others ? ` The journal also holds ${others}: litecoop report --run N.` : "");
  const sum = (field) => data.members.reduce((total, member) => total + member[field], 0);
  const trials = data.tasks.reduce((total, task) => total + task.trials, 0);
  const failed = data.tasks.reduce((total, task) => total + task.failed, 0);
  const nodes = data.tasks.reduce((total, task) => total + task.tree.parent.length, 0);
  const escalations = data.tasks.reduce((total, task) => total + task.escalations, 0);
  const figures = data.tasks.length === 1 ? headOf(data.tasks[0]) : [["tasks", whole(data.tasks.length), ""]];
  figures.push(
    ["trials", whole(trials), failed ? `${whole(failed)} failed` : "none failed"],
    ["time", duration(data.seconds.total), `${duration(data.seconds.measuring)} building and measuring`],
    ["calls", whole(sum("calls")), `${whole(sum("tokens_in") + sum("tokens_out"))} tokens, ${usd(sum("usd"))}`],
    ["nodes", whole(nodes), `${whole(escalations)} escalations`],
  );
  const cards = figures.map(([name, value, more]) => {
    return el("div", {}, el("dt", {}, name), el("dd", {}, value, el("small", {}, more)));
  });
  byId("figures").replaceChildren(...cards);
}

function headOf(task) {
  const best = bestOf(task);
  const author = best && viewOf(task).author(best.node);
  const faster = speedup(task.certificate);
  return [
    ["best latency", best ? ms(best.ms) : "none", best ? `by ${author}, trial ${best.trial}` : "nothing has run yet"],
    ["against untuned", faster ? `${plain(faster[0])}×` : "–", faster ? `certified, ${plain(faster[1])} to ${plain(faster[2])}` : grounds(task)],
  ];
}

function winnerOf(certificate) {
  return certificate?.verdicts.find((verdict) => verdict.status === "certified") ?? null;
}

function speedup(certificate) {
  const ratio = winnerOf(certificate)?.ratio;
  return ratio ? [1 / ratio[0], 1 / ratio[2], 1 / ratio[1]] : null;
}

function grounds(task) {
  const certificate = task.certificate;
  if (!certificate) return "not verified";
  if (certificate.unchecked) return `not checked: ${certificate.unchecked}`;
  return winnerOf(certificate) ? "certified" : "the untuned program is certified";
}

function nameOf(task, number) {
  return task.title || `task ${number + 1}`;
}

function drawResults(current, choose) {
  const rows = data.tasks.map((task, i) => {
    const best = bestOf(task);
    const faster = speedup(task.certificate);
    const state = task.ended ? null : el("small", {}, "not finished");
    const name = el("button", { type: "button", class: "link" }, nameOf(task, i));
    name.addEventListener("click", () => choose(i));
    return {
      current: data.tasks.length > 1 && i === current,
      cells: [
        [data.tasks.length > 1 ? name : nameOf(task, i), state], best ? ms(best.ms) : "",
        best ? who(viewOf(task).author(best.node)) : "", whole(task.trials), ms(task.certificate?.default_ms || null),
        faster ? `${plain(faster[0])}× [${plain(faster[1])}, ${plain(faster[2])}]` : "", grounds(task),
      ],
    };
  });
  const head = [
    { name: "task" }, { name: "best in this run", number: true }, { name: "proposed by" }, { name: "trials", number: true },
    { name: "untuned", number: true }, { name: "certified speed", number: true }, { name: "certificate", text: true },
  ];
  byId("tasks").replaceChildren(table(head, rows, "Results by task"));
  drawVerdicts(data.tasks[current]);
}

function drawVerdicts(task) {
  const verdicts = task.certificate?.verdicts ?? [];
  if (!verdicts.length) return byId("verdicts").replaceChildren();
  const rows = verdicts.map((one) => ({
    cells: [
      `record ${one.line}`, ms(one.recorded_ms), ms(one.measured_ms), one.ratio ? plain(one.ratio[0]) : "",
      el("span", { class: ["certified", "right"].includes(one.status) ? "good" : "bad" }, one.status), one.reason,
    ],
  }));
  const head = [
    { name: "record" }, { name: "recorded", number: true }, { name: "measured again", number: true },
    { name: "× untuned time", number: true }, { name: "verdict" }, { name: "reason", text: true },
  ];
  const rejected = verdicts.filter((one) => !["certified", "right"].includes(one.status)).length;
  const says = `The certificate: records checked ${verdicts.length}, rejected ${rejected}`;
  const details = el("details", rejected ? { open: "" } : {}, el("summary", {}, says));
  details.append(table(head, rows, "Verdicts"));
  byId("verdicts").replaceChildren(details);
}

// ---- members ------------------------------------------------------------------------------------------------------

function drawMembers() {
  const asked = data.members.filter((member) => member.calls);
  const idle = data.members.filter((member) => !member.calls && !member.trials);
  const free = asked.filter((member) => member.free && numbers.has(member.name)).map((member) => member.name);
  byId("members-about").textContent =
    (free.length ? `Free members in this run: ${free.join(", ")}. ` : "No free member was asked in this run. ") +
    (idle.length ? `Never asked: ${idle.map((member) => member.name).join(", ")}.` : "");
  const head = [
    { name: "member" }, { name: "calls", number: true }, { name: "measured", number: true },
    { name: "hit rate", number: true }, { name: "records", number: true }, { name: "lift", number: true },
    { name: "refused", text: true }, { name: "tokens in, out", number: true }, { name: "USD", number: true },
    { name: "model time", number: true },
  ];
  const rows = data.members.filter((member) => member.calls || member.trials).map((member) => ({
    cells: [
      [who(member.name), el("small", {}, member.free ? "free" : size(member.params))],
      [whole(member.calls), cached(member)], whole(member.trials), hitRate(member), whole(member.records), lift(member),
      refusals(member), member.tokens_in + member.tokens_out ? `${whole(member.tokens_in)}, ${whole(member.tokens_out)}` : "0",
      usd(member.usd), [duration(member.seconds), waited(member)],
    ],
  }));
  byId("member-table").replaceChildren(table(head, rows, "Members"));
  byId("meanings").replaceChildren(...definitions(MEANINGS).childNodes);
}

function cached(member) {
  const notes = [];
  if (member.cached) notes.push(`${whole(member.cached)} from the cache`);
  if (member.escalations) notes.push(`${whole(member.escalations)} escalations`);
  return notes.length ? el("small", {}, notes.join(", ")) : null;
}

function hitRate(member) {
  if (!member.trials) return "";
  const rate = member.hits / member.trials;
  const part = el("i");
  part.style.width = `${100 * rate}%`;
  part.style.color = colour(member.name);
  return [percent(rate), el("small", {}, `${whole(member.hits)} of ${whole(member.trials)}`), el("span", { class: "meter" }, part)];
}

function lift(member) {
  if (member.free) return el("small", {}, "baseline");
  if (!member.lift) return el("small", {}, "too few trials");
  const [mean, low, high] = member.lift;
  const range = el("small", {}, `${points(low)} to ${points(high)} points`);
  if (low <= 0 && high >= 0) return ["not shown", range];
  return [el("span", { class: mean > 0 ? "good" : "bad" }, `${points(mean)} points`), range];
}

function refusals(member) {
  const faults = Object.entries(member.faults).map(([why, count]) => `${why} ${whole(count)}`);
  const reasons = Object.entries(member.rejections).map(([why, count]) => `${why} ${whole(count)}`);
  const share = member.proposals ? `${whole(member.refused)} of ${whole(member.proposals)}` : "0";
  return [
    share, reasons.length ? el("small", {}, reasons.join(", ")) : null,
    faults.length ? el("small", { class: "bad" }, `no answer: ${faults.join(", ")}`) : null,
  ];
}

function waited(member) {
  return member.blocked_s >= 0.05 ? el("small", {}, `waited ${duration(member.blocked_s)}`) : null;
}

// ---- seconds ------------------------------------------------------------------------------------------------------

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

// ---- programs, settings -------------------------------------------------------------------------------------------

function drawKernels(task) {
  const shown = [];
  if (task.which) shown.push(el("p", {}, `The winner in this work dir: ${task.which}.`));
  if (task.missing) shown.push(el("p", { class: "quiet" }, `Not everything can be shown: ${task.missing}.`));
  const listing = (title, text) => el("figure", {}, el("figcaption", {}, title), el("pre", { tabindex: "0", "aria-label": title }, text));
  const pair = [["Tuned", task.tuned], ["Untuned", task.untuned]].filter(([, text]) => text);
  if (pair.length) shown.push(el("div", { class: "two" }, ...pair.map(([title, text]) => listing(title, text))));
  if (task.schedule.length) {
    const text = el("pre", { tabindex: "0", "aria-label": "Schedule" }, task.schedule.join("\n"));
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
        ["again, recorded", code(`litecoop replay ${data.work_dir}`)], ["as Python", code(`litecoop eject ${data.work_dir}`)],
      ])),
      el("div", {}, el("h3", {}, "Settings of the search"), definitions(
        Object.entries(settings).map(([name, value]) => [name, code(String(value))]),
      )),
    ),
    el("p", { class: "quiet" }, "Same seed, same tree holds for pools of free members; answers of models and measured times are part of the input."),
  );
}
