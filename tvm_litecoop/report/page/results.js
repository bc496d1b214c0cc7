// The figures at the head, and what came of each task.

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
    ["best in this run", best ? ms(best.ms) : "none", best ? `by ${author}, trial ${best.trial}` : "nothing has run yet"],
    ["against untuned", faster ? `${plain(faster[0])}×` : "–", faster ? `certified in this work dir, ${plain(faster[1])} to ${plain(faster[2])}` : grounds(task)],
  ];
}

function winnerOf(certificate) {
  return certificate?.verdicts?.find((verdict) => verdict.status === "certified") ?? null;
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
  if (data.tasks.length === 1) return task.title || "task 1";
  return `${number + 1}: ${task.title || task.identity.split(" ")[0]}`;
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
    { name: "untuned", number: true }, { name: "certified in this work dir", number: true }, { name: "certificate", text: true },
  ];
  byId("tasks").replaceChildren(table(head, rows, "Results by task"));
  drawVerdicts(data.tasks[current]);
}

function drawVerdicts(task) {
  const verdicts = task.certificate?.verdicts ?? [];
  if (!verdicts.length) return byId("verdicts").replaceChildren();
  const rows = verdicts.map((one) => ({
    cells: [
      one.line ? `record ${one.line}` : "set aside", ms(one.recorded_ms), ms(one.measured_ms), one.ratio ? plain(one.ratio[0]) : "",
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
