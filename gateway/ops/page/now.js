// What the board says of this moment: figures, tiles, operations, seams, datasets, breakers.
import { fill, keyed, make, mark, row, say } from "/ops/page/nodes.js";
import { sparkline } from "/ops/page/hour.js";
import { hold } from "/ops/page/hands.js";
import { bytes, millis, number, percent, perSecond, plain, seconds, title } from "/ops/page/words.js";

const at = (id) => document.getElementById(id);
const STATE_WORDS = { well: "well", watch: "watch", failing: "failing", idle: "quiet" };
const BREAKER_WORDS = { closed: "closed", open: "open", probing: "trying again", held_open: "held open", held_closed: "held closed" };

export function showBoard(board) {
  const worst = ["failing", "watch", "well"].find((state) => board.sources.some((source) => source.state === state));
  mark(at("headline"), "state", worst ?? "idle");
  say(at("headline").querySelector("h1"), board.headline);
  document.title = worst === "failing" ? `⚠ ${board.headline}` : "Operations";
  showFigures(board.totals);
  showTiles(board.sources);
  showMemory(board);
  showOperations(board.operations);
  showSeams(board.seams);
  showDatasets(board.datasets);
  showLevels(board);
  showBreakers(board.breakers);
}

function showFigures(totals) {
  const figures = [
    ["Answered from memory", percent(totals.hitRate), `of keys asked, last minute`, "hit"],
    ["Whole answers kept", percent(totals.responseHitRate), "no work at all for these", "responses"],
    ["Stale answers", percent(totals.staleShare), `95 % of values under ${seconds(totals.staleAge)} old`, "stale"],
    ["System calls saved", percent(totals.savedShare), `${number(totals.sourceCalls)} calls for ${number(totals.loaderCalls)} asked`, "saved"],
    ["Answers per second", perSecond(totals.operationsPerSecond), [`${percent(totals.failedShare)} with errors`, totals.refusedPerSecond ? `${perSecond(totals.refusedPerSecond)}/s refused` : "", `loop p99 ${millis(totals.lagP99)}`].filter(Boolean).join(" · "), "answers"],
  ];
  keyed(
    at("figures"),
    figures,
    ([name]) => name,
    ([name, , , id]) => make("div", { class: "figure", "data-figure": id }, make("span", {}, name), make("b"), make("small")),
    (node, [, value, about]) => {
      say(node.querySelector("b"), value);
      say(node.querySelector("small"), about);
    },
  );
}

function showTiles(sources) {
  keyed(at("tiles"), sources, (source) => source.name, makeTile, (tile, source) => {
    mark(tile, "state", source.state);
    mark(tile, "hitRate", source.hitRateSinceStart ?? "");
    mark(tile, "asked", source.asked);
    mark(tile, "calls", source.calls);
    mark(tile, "stale", source.staleShare);
    say(tile.querySelector(".state"), STATE_WORDS[source.state]);
    say(tile.querySelector(".why"), source.why);
    say(tile.querySelector(".rate"), percent(source.hitRate));
    const age = source.ageP95 == null ? "" : `age ${seconds(source.ageP95)}`;
    const stale = source.staleShare > 0 ? `${percent(source.staleShare)} stale` : "";
    const quota = source.quotaLeft == null ? "" : `quota ${percent(source.quotaLeft, 0)} left`;
    say(tile.querySelector(".more"), [`p95 ${millis(source.p95)}`, `${perSecond(source.callsPerSecond)}/s`, stale || age, quota].filter(Boolean).join(" · "));
    sparkline(tile.querySelector(".spark"), source.name);
  });
}

// The tenth tile: what is kept here, and whether the store that all workers share answers.
function showMemory({ memory, shared }) {
  const tile = at("memory") ?? at("tiles").appendChild(makeTile({ name: "MEMORY" }));
  tile.id = "memory";
  const isUp = !shared || shared.isUp;
  const state = !isUp ? "failing" : memory.isThrashing ? "watch" : "well";
  mark(tile, "state", state);
  say(tile.querySelector(".state"), STATE_WORDS[state]);
  say(tile.querySelector(".rate"), bytes(memory.bytes));
  say(tile.querySelector(".more"), `${number(memory.entries)} entries · ${number(memory.evicted)} evicted`);
  const store = shared ? `shared store p95 ${millis(shared.p95)}, ${number(shared.errors)} failed` : "no shared store";
  say(tile.querySelector(".spark"), store);
  say(tile.querySelector(".why"), !isUp ? "the shared store does not answer" : memory.isThrashing ? "too small: it pushes out what is still good, see the lab" : "");
}

function makeTile(source) {
  return make(
    "article",
    { class: "tile", "data-source": source.name },
    make("header", {}, make("h3", {}, title(source.name)), make("span", { class: "state" })),
    make("p", { class: "rate" }),
    make("div", { class: "spark" }),
    make("p", { class: "more" }),
    make("p", { class: "why" }),
  );
}

function showOperations(operations) {
  keyed(at("operations"), operations, (op) => op.name, () => row(["name", "n", "n", "n", "n", "n"]), (tr, op) => {
    fill(tr, [op.name, perSecond(op.perSecond), millis(op.p50), millis(op.p95), millis(op.p99), percent(op.failedShare)]);
    tr.lastChild.classList.toggle("bad", op.failedShare > 0);
  });
}

export function showBars(parent, rows) {
  const most = Math.max(...rows.map((item) => item.value), 1e-9);
  keyed(
    parent,
    rows,
    (item) => item.name,
    () => make("div", { class: "bar" }, make("i"), make("span"), make("b")),
    (bar, item) => {
      bar.querySelector("i").style.width = `${Math.max(0.5, (item.value / most) * 100)}%`;
      say(bar.querySelector("span"), item.name);
      bar.querySelector("span").title = item.name;
      say(bar.querySelector("b"), item.text);
    },
  );
}

function showSeams(seams) {
  showBars(at("seams"), seams.map((seam) => ({ name: seam.name, value: seam.p95 ?? 0, text: `${millis(seam.p50)} · p95 ${millis(seam.p95)}` })));
}

function showDatasets(datasets) {
  keyed(at("datasets"), datasets, (set) => set.name, makeDataset, (tr, set) => {
    fill(tr, [plain(set.name), DEPENDS[set.scope], seconds(set.freshS), seconds(set.revalidateS), seconds(set.onErrorS), percent(set.hitRate), number(set.asked), number(set.sent)]);
    showReasons(tr.lastChild, set.missed);
  });
}

const DEPENDS = { Public: "nobody", InContext: "place", ForCustomer: "place, customer", OfCustomer: "customer" };
const makeDataset = (set) => {
  const tr = row(["name", "", "n", "n", "n", "n", "n", "n", "reasons"]);
  tr.dataset.dataset = set.name;
  return tr;
};

function showReasons(cell, missed) {
  const all = Object.values(missed).reduce((sum, count) => sum + count, 0);
  keyed(
    cell,
    Object.entries(missed).sort((a, b) => b[1] - a[1]),
    ([reason]) => reason,
    ([reason]) => make("span", { class: "reason", "data-reason": reason }),
    (node, [reason, count]) => say(node, `${reason} ${percent(count / all, 0)}`),
  );
}

function showLevels({ memory, shared, workers }) {
  const first = `Memory: ${number(memory.entries)} entries, ${bytes(memory.bytes)}, ${number(memory.evicted)} evicted`;
  const second = shared
    ? `shared store: ${shared.isUp ? "well" : "does not answer"}, p95 ${millis(shared.p95)}, ${number(shared.errors)} errors`
    : "no shared store";
  say(at("levels"), `${first} · ${second} · ${workers.said.length} worker${workers.said.length === 1 ? "" : "s"}`);
}

function showBreakers(breakers) {
  keyed(at("breakers"), breakers, (it) => it.operation, makeBreaker, (tr, it) => {
    mark(tr, "state", it.state);
    say(tr.querySelector(".pill"), BREAKER_WORDS[it.state]);
    for (const button of tr.querySelectorAll("button")) {
      const isOn = { open: "held_open", closed: "held_closed", auto: null }[button.dataset.hold] === it.state;
      button.setAttribute("aria-pressed", String(isOn || (button.dataset.hold === "auto" && !it.state.startsWith("held"))));
    }
  });
}

function makeBreaker(it) {
  const say = { auto: "by itself", open: "hold open", closed: "hold closed" };
  const buttons = Object.entries(say).map(([state, text]) =>
    make("button", { type: "button", "data-hold": state, onclick: () => hold(it, state) }, text),
  );
  return make(
    "tr",
    { "data-operation": it.operation },
    make("td", { class: "name" }, it.operation),
    make("td", {}, make("span", { class: "pill" })),
    make("td", { class: "n" }, make("div", { class: "choice" }, ...buttons)),
  );
}
