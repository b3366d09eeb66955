// What an operator does by hand: look up, purge, hold a breaker. Every change is asked about first.
import { keyed, make, say } from "/ops/page/nodes.js";
import { confirm, get, post } from "/ops/page/net.js";
import { showBars } from "/ops/page/now.js";
import { bytes, clock, number, plain, seconds } from "/ops/page/words.js";

const at = (id) => document.getElementById(id);
const EVERY_MS = 5000;

export async function hold(breaker, state) {
  const words = {
    open: ["Hold open?", `No call of ${breaker.operation} is sent until you say otherwise. Pages get kept values or an error in its place.`, "Hold open"],
    closed: ["Hold closed?", `Calls of ${breaker.operation} are sent however many fail, until you say otherwise.`, "Hold closed"],
    auto: ["Let it decide?", `The breaker of ${breaker.operation} opens and closes by itself again.`, "Let it decide"],
  }[state];
  if (!(await confirm(...words))) return;
  await tell(post("/ops/breakers", { ...breaker, state }), at("breaker-note"), `${breaker.operation}: done`);
  showKeys();
}

async function purge(tag) {
  if (!tag.includes(":")) return say(at("look-up-note"), "Expected a tag such as sku:LUM-000001-01 or dataset:price.");
  const found = await find(tag);
  if (!found) return;
  const text = `Every worker forgets what carries ${tag}: ${found.length >= 50 ? "50 entries or more" : `${found.length} entries here`}, and whatever is on its way. The next question goes to the system.`;
  if (!(await confirm("Purge?", text, "Purge"))) return;
  await tell(post("/ops/purge", { tags: [tag] }), at("look-up-note"), `Purged ${tag}`);
  await lookUp(tag, true);
  showKeys();
}

async function tell(asked, note, done) {
  try {
    const said = await asked;
    say(note, `${done} in ${said.done} of ${said.of} workers.${said.notes.length ? ` ${said.notes.join("; ")}` : ""}`);
  } catch (error) {
    say(note, error.message);
  }
}

// What is kept under a tag or a part of a key; says so and gives nothing when the gateway does not answer.
async function find(text) {
  try {
    return await get(`/ops/entries?q=${encodeURIComponent(text)}`);
  } catch (error) {
    say(at("look-up-note"), `Could not look: ${error.message}`);
    return null;
  }
}

async function lookUp(text, isAfterPurge = false) {
  const found = await find(text);
  if (!found) return;
  if (!isAfterPurge) say(at("look-up-note"), found.length ? `${found.length}${found.length >= 50 ? " or more" : ""} entries` : "Nothing is kept under that.");
  const box = at("found");
  box.known = undefined;
  box.replaceChildren(...found.map(({ worker, entry }) => card(worker, entry)));
}

function card(worker, entry) {
  const fresh = entry.fresh_for_s > 0 ? `fresh for ${seconds(entry.fresh_for_s)} more` : `not fresh since ${seconds(-entry.fresh_for_s)}`;
  const where = worker ? `worker ${worker}` : "in the shared store only";
  const stored = entry.stored ? ` · ${entry.stored.state}${entry.stored.age_s != null && !entry.stored.state.startsWith("the same") ? `, ${seconds(entry.stored.age_s)} old` : ""}` : "";
  const tags = entry.tags.map((tag) => make("button", { type: "button", class: "tag", onclick: () => choose(tag) }, tag));
  return make(
    "article",
    { class: "entry", "data-state": entry.state },
    make("p", {}, make("b", {}, plain(entry.dataset)), ` ${entry.key}`),
    make("p", { class: "note" }, `${entry.is_absence ? "“there is none” · " : ""}${entry.state} · ${seconds(entry.age_s)} old · ${fresh} · ${bytes(entry.weight)} · ${entry.scope} · ${where}${stored}`),
    make("p", { class: "tags" }, ...tags),
  );
}

function choose(tag) {
  at("look-up").elements.q.value = tag;
  lookUp(tag);
}

let keys = { missed: {}, largest: [], deeds: [] };

async function showKeys() {
  try {
    keys = await get("/ops/keys");
  } catch {
    return;
  }
  const chosen = at("missed-of");
  const names = Object.keys(keys.missed);
  keyed(chosen, names, (name) => name, (name) => make("option", { value: name }, plain(name)), () => {});
  showMissed();
  showBars(at("largest"), keys.largest.map((it, index) => ({ name: `${index + 1}. ${plain(it.dataset)} ${it.key}`, value: it.weight, text: bytes(it.weight) })));
  keyed(
    at("deeds"),
    keys.deeds,
    (deed) => `${deed.at}`,
    (deed) => make("li", {}, make("time", {}, clock(deed.at)), make("b", {}, deed.who), ` ${deed.what}`),
    () => {},
  );
  at("deeds").classList.toggle("none", !keys.deeds.length);
}

function showMissed() {
  const rows = keys.missed[at("missed-of").value] ?? [];
  showBars(at("missed"), rows.map(([key, count]) => ({ name: key, value: count, text: number(count) })));
}

export function followHands() {
  at("look-up").addEventListener("submit", (event) => {
    event.preventDefault();
    lookUp(event.target.elements.q.value.trim());
  });
  at("purge").addEventListener("click", () => purge(at("look-up").elements.q.value.trim()));
  at("missed-of").addEventListener("change", showMissed);
  setInterval(showKeys, EVERY_MS);
  showKeys();
}
