// What each member cost and brought, and what the columns mean.

const MEANINGS = [
  ["calls", "times the member was asked"],
  ["measured", "its programs that were built and timed"],
  ["hit rate", "those of them that are faster than the program they were made from (than the best so far, where that has no time)"],
  ["records", "those that were the best so far"],
  ["lift", `the hit rate less that of the free members together, in percentage points, with a 95 % interval (Newcombe). Nothing is
    claimed below 8 measured programs on either side, nor where the interval holds 0. Members act on nodes that the search
    gave them, not on random ones: it says what happened in this run.`],
  ["refused", "proposals that could not be used, with the reasons"],
  ["faults", "calls without an answer"],
  ["model time", "seconds the member took to answer; waited: those in which the search stood still for it"],
  ["escalated", "calls after an escalation have a row of their own: they begin where others have failed"],
];

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
      [usd(member.usd), assumed(member)], [duration(member.seconds), waited(member)],
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
  const range = el("small", {}, `${points(low)} to ${points(high)}`);
  if (low <= 0 && high >= 0) return ["no claim", range];
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

function assumed(member) {
  return member.assumed_usd ? el("small", {}, `and ${usd(member.assumed_usd)} for calls without an answer, as assumed`) : null;
}

function waited(member) {
  return member.blocked_s >= 0.05 ? el("small", {}, `waited ${duration(member.blocked_s)}`) : null;
}
