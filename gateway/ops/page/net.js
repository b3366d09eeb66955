// Speaking with the gateway. Whoever is sent away (the session has ended) sees the form again.

export async function get(path) {
  return read(await fetch(path));
}

export async function post(path, body) {
  const headers = { "content-type": "application/json", "x-ops": "1" };
  return read(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

async function read(answer) {
  if (answer.status === 401) location.reload();
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

export function confirm(heading, text, action) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("h2").textContent = heading;
  dialog.querySelector("p").textContent = text;
  dialog.querySelector("button.danger").textContent = action;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}
