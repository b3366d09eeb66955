// Trades the token for a session, and shows the page.
const form = document.getElementById("enter");
const note = form.querySelector(".note");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = Object.fromEntries(new FormData(form));
  const answer = await fetch("/ops/session", {
    method: "POST",
    headers: { "content-type": "application/json", "x-ops": "1" },
    body: JSON.stringify(said),
  }).catch(() => null);
  if (answer?.ok) location.replace("/ops");
  else note.textContent = answer ? (await answer.json()).detail : "The gateway does not answer.";
});
