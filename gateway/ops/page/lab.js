// The policy lab: a dataset's curve, its terms in force, and what was measured.
import { css, fill, keyed, make, row, say } from "/ops/page/nodes.js";
import { get } from "/ops/page/net.js";
import { number, percent, perSecond, plain, seconds } from "/ops/page/words.js";

const at = (id) => document.getElementById(id);
const EVERY_MS = 15000;
let plot = null;
let shown = null;

function draw() {
  const box = at("lab-chart");
  plot?.destroy();
  plot = null;
  box.replaceChildren();
  if (!shown?.questions) {
    box.append(make("p", { class: "empty" }, "Nobody has asked for this dataset yet."));
    return;
  }
  const points = shown.points;
  const stroke = css("--soft");
  const options = {
    width: box.clientWidth,
    height: 240,
    legend: { show: false },
    cursor: { y: false, drag: { x: false } },
    scales: { x: { time: false, distr: 3 }, y: { range: [0, 1.02] }, sent: { range: (_, __, high) => [0, Math.max(0.1, (high ?? 0) * 1.15)] } },
    axes: [
      { stroke, grid: { show: false }, values: (_, all) => all.map((s) => (points.some((p) => Math.abs(p.freshS - s) < 1e-6) ? seconds(s) : "")), splits: points.map((p) => p.freshS), filter: (_, all) => all, font: "12px system-ui" },
      { stroke, grid: { stroke: css("--line"), width: 1 }, values: (_, all) => all.map((v) => percent(v, 0)), font: "12px system-ui", size: 52 },
      { stroke: css("--series-2"), side: 1, scale: "sent", grid: { show: false }, values: (_, all) => all.map(perSecond), font: "12px system-ui", size: 48 },
    ],
    series: [
      {},
      { label: "hit rate", stroke: css("--accent"), width: 2.5, points: { show: true, size: 7, fill: css("--card") } },
      { label: "keys sent", scale: "sent", stroke: css("--series-2"), width: 2, dash: [5, 4], points: { show: false } },
    ],
    hooks: { draw: [markInForce] },
  };
  plot = new uPlot(options, [points.map((p) => p.freshS), points.map((p) => p.hitRate), points.map((p) => p.sentPerSecond)], box);
}

function markInForce(self) {
  const { ctx, bbox } = self;
  const x = self.valToPos(shown.freshS, "x", true);
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

async function refresh() {
  const name = at("lab-dataset").value;
  if (!name) return;
  try {
    shown = await get(`/ops/lab/${name}`);
  } catch {
    return;
  }
  const share = shown.share < 1 ? `, ${percent(shown.share)} of all keys` : "";
  say(at("lab-note"), `Replays ${number(shown.questions)} questions for ${number(shown.keys)} keys${share}, seen in ${seconds(shown.seconds)}. Measured hit rate meanwhile: ${percent(shown.measured)}. In force: fresh ${seconds(shown.freshS)}, then ${seconds(shown.revalidateS)} while refreshing. Solid: hit rate. Dashed: keys sent per second.`);
  keyed(at("lab-points"), shown.points, (p) => `${p.freshS}`, () => row(["n", "n", "n", "n", "n"]), (tr, p) => {
    fill(tr, [seconds(p.freshS), percent(p.hitRate), percent(p.oldShare), seconds(p.meanAgeS), perSecond(p.sentPerSecond)]);
    tr.classList.toggle("in-force", p.freshS === shown.freshS);
  });
  draw();
}

export function offerDatasets(datasets) {
  const select = at("lab-dataset");
  if (select.children.length) return;
  const asked = [...datasets].sort((a, b) => b.asked - a.asked);
  select.append(...asked.map((set) => make("option", { value: set.name }, plain(set.name))));
  refresh();
}

export function followLab() {
  at("lab-dataset").addEventListener("change", refresh);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", draw);
  setInterval(refresh, EVERY_MS);
}
