// The policy lab: what other times of freshness and other sizes of memory would have done, beside what was measured.
import { css, fill, keyed, make, row, say } from "/ops/page/nodes.js";
import { get } from "/ops/page/net.js";
import { bytes, number, percent, perSecond, plain, seconds } from "/ops/page/words.js";

const at = (id) => document.getElementById(id);
const EVERY_MS = 30000;
const LABEL_PX = 62;
const SIZES_EVERY_MS = 60000; // a replay of all datasets costs each worker some tenths of a second of its processor
const plots = {};
let terms = null;
let sizes = null;

// A curve over `x`, with the point in force marked; `lines` are [name, values, colour, dash, scale].
function drawCurve(box, x, inForce, nameOf, lines) {
  plots[box.id]?.destroy();
  box.replaceChildren();
  const stroke = css("--soft");
  const options = {
    width: box.clientWidth,
    height: 240,
    legend: { show: false },
    cursor: { y: false, drag: { x: false } },
    scales: { x: { time: false, distr: 3 }, y: { range: [0, 1.02] }, sent: { range: (_, __, high) => [0, Math.max(0.1, (high ?? 0) * 1.15)] } },
    axes: [
      { stroke, grid: { show: false }, values: (self, all) => nameSome(self, all, inForce, nameOf), splits: x, filter: (_, all) => all, font: "12px system-ui" },
      { stroke, grid: { stroke: css("--line"), width: 1 }, values: (_, all) => all.map((v) => percent(v, 0)), font: "12px system-ui", size: 52 },
      { stroke: css("--series-2"), side: 1, scale: "sent", grid: { show: false }, values: (_, all) => all.map(perSecond), font: "12px system-ui", size: 48 },
    ],
    series: [{}, ...lines.map(([label, , colour, dash, scale]) => ({ label, scale: scale ?? "y", stroke: css(colour), width: dash ? 2 : 2.5, dash, points: { show: !dash, size: 7, fill: css("--card") } }))],
    hooks: { draw: [(self) => markInForce(self, inForce)] },
  };
  plots[box.id] = new uPlot(options, [x, ...lines.map(([, values]) => values)], box);
}

// The point in force has its name always, the others where there is room for it.
function nameSome(self, all, inForce, nameOf) {
  const place = (v) => self.valToPos(v, "x");
  let last = -LABEL_PX;
  return all.map((v) => {
    const isNear = v !== inForce && Math.abs(place(v) - place(inForce)) < LABEL_PX;
    if (isNear || place(v) - last < LABEL_PX) return "";
    last = place(v);
    return nameOf(v);
  });
}

function drawNothing(box) {
  plots[box.id]?.destroy();
  delete plots[box.id];
  box.replaceChildren(make("p", { class: "empty" }, "Nobody has asked for this dataset yet."));
}

function markInForce(self, value) {
  const { ctx, bbox } = self;
  const x = self.valToPos(value, "x", true);
  ctx.save();
  ctx.strokeStyle = css("--soft");
  ctx.fillStyle = css("--soft");
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `${12 * devicePixelRatio}px system-ui`;
  ctx.fillText("in force", x + 6, bbox.top + bbox.height - 8);
  ctx.restore();
}

function draw() {
  if (terms?.questions) {
    const points = terms.points;
    drawCurve(at("lab-chart"), points.map((p) => p.freshS), terms.freshS, seconds, [
      ["hit rate", points.map((p) => p.hitRate), "--accent"],
      ["keys sent", points.map((p) => p.sentPerSecond), "--series-2", [5, 4], "sent"],
    ]);
  } else drawNothing(at("lab-chart"));
  if (sizes?.points.length && sizes.measured != null) {
    const points = sizes.points;
    drawCurve(at("size-chart"), points.map((p) => p.factor * sizes.maxBytes), sizes.maxBytes, bytes, [
      ["hit rate", points.map((p) => p.hitRate), "--accent"],
      ["of all datasets", points.map((p) => p.allHitRate), "--series-3", [2, 3]],
      ["keys sent", points.map((p) => p.sentPerSecond), "--series-2", [5, 4], "sent"],
    ]);
  } else drawNothing(at("size-chart"));
}

async function refresh() {
  const name = at("lab-dataset").value;
  if (!name) return;
  try {
    terms = await get(`/ops/lab/${name}`);
  } catch {
    return;
  }
  if (name !== at("lab-dataset").value) return; // another one was chosen meanwhile
  const share = terms.share < 1 ? `, ${percent(terms.share)} of all keys` : "";
  say(at("lab-note"), `Replays ${number(terms.questions)} questions for ${number(terms.keys)} keys${share}, seen in ${seconds(terms.seconds)}. Measured hit rate meanwhile: ${percent(terms.measured)}. In force: fresh ${seconds(terms.freshS)}, then ${seconds(terms.revalidateS)} while refreshing. Solid: hit rate. Dashed: keys sent per second.`);
  keyed(at("lab-points"), terms.points, (p) => `${p.freshS}`, () => row(["n", "n", "n", "n", "n"]), (tr, p) => {
    fill(tr, [seconds(p.freshS), percent(p.hitRate), percent(p.oldShare), seconds(p.meanAgeS), perSecond(p.sentPerSecond)]);
    tr.classList.toggle("in-force", p.freshS === terms.freshS);
  });
  draw();
}

async function refreshSizes() {
  const name = at("lab-dataset").value;
  if (!name) return;
  say(at("size-note"), "Replaying …");
  try {
    sizes = await get(`/ops/lab/${name}/sizes`);
  } catch (error) {
    say(at("size-note"), error.message);
    return;
  }
  if (name !== at("lab-dataset").value) return;
  say(at("size-note"), `In force: ${bytes(sizes.maxBytes)} or ${number(sizes.maxEntries)} entries per worker, ${percent(sizes.held)} of it in use. All datasets share it. Measured hit rate: ${percent(sizes.measured)}; the sample alone replays ${percent(sizes.replayed)}, and the curve is led through what was measured. Dotted: all datasets together. Dashed: keys sent per second.`);
  keyed(at("size-points"), sizes.points, (p) => `${p.factor}`, () => row(["n", "n", "n", "n"]), (tr, p) => {
    fill(tr, [bytes(p.factor * sizes.maxBytes), percent(p.hitRate), percent(p.allHitRate), perSecond(p.sentPerSecond)]);
    tr.classList.toggle("in-force", p.factor === 1);
  });
  draw();
}

function choose() {
  refresh();
  refreshSizes();
}

export function offerDatasets(datasets) {
  const select = at("lab-dataset");
  if (select.children.length) return;
  const asked = [...datasets].sort((a, b) => b.asked - a.asked);
  select.append(...asked.map((set) => make("option", { value: set.name }, plain(set.name))));
  choose();
}

export function followLab() {
  at("lab-dataset").addEventListener("change", choose);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", draw);
  setInterval(refresh, EVERY_MS);
  setInterval(refreshSizes, SIZES_EVERY_MS);
}
