// The operations page: listens to the board, once a second, and shows it.
import { say } from "/ops/page/nodes.js";
import { showBoard } from "/ops/page/now.js";
import { followHour } from "/ops/page/hour.js";
import { followHands } from "/ops/page/hands.js";
import { clock } from "/ops/page/words.js";
import { followLab, offerDatasets } from "/ops/page/lab.js";

const LATE_MS = 4000;
const pulse = document.getElementById("pulse");
let heardAt = Date.now();

function show({ data }) {
  const board = JSON.parse(data);
  heardAt = Date.now();
  document.body.classList.remove("silent");
  const missing = board.workers.silent.length ? ` · worker ${board.workers.silent.join(", ")} does not answer` : "";
  say(pulse, `live · ${clock(board.at)}${missing}`);
  showBoard(board);
  offerDatasets(board.datasets);
}

function watchSilence() {
  if (Date.now() - heardAt < LATE_MS) return;
  document.body.classList.add("silent");
  say(pulse, `no word for ${Math.round((Date.now() - heardAt) / 1000)} s`);
}

const stream = new EventSource("/ops/live");
stream.addEventListener("message", show);
stream.addEventListener("error", () => fetch("/ops/past").then((answer) => answer.status === 401 && location.reload(), () => {}));
setInterval(watchSilence, 1000);
followHour();
followHands();
followLab();
