// Second factor, password, sessions.

import { byId, fill, h } from "../core/dom.js";
import { call } from "../core/http.js";
import { timeElement } from "../core/time.js";

async function load() {
  const told = await call("security", { byItself: true });
  byId("second-state").textContent = told.has_second_factor
    ? `An authenticator is in force; ${told.recovery_codes_left} recovery codes are left.`
    : "There is none yet.";
  const heads = ["Browser", "Address", "Logged in", "Last used", "Ends", ""];
  fill(
    byId("sessions"),
    h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name || h("span.sr", {}, "Actions"))))),
    h("tbody", {}, ...told.sessions.map(sessionRow)),
  );
}

function sessionRow(one) {
  const act = one.is_this
    ? h("span.sub", {}, "this browser")
    : h("button.small", { type: "button", onclick: () => endSession(one.id) }, "End it");
  const cells = [
    browserWords(one.agent), one.address,
    timeElement(one.created_at), timeElement(one.seen_at), timeElement(one.expires_at), act,
  ];
  return h("tr", {}, ...cells.map((cell) => h("td", {}, cell)));
}

function browserWords(agent) {
  const name = /(Firefox|Edg|Chrome|Safari)\/(\d+)/.exec(agent);
  const on = /\(([^;)]+)/.exec(agent);
  return name ? `${name[1].replace("Edg", "Edge")} ${name[2]}${on ? ` on ${on[1]}` : ""}` : agent.slice(0, 60) || "unknown";
}

async function endSession(id) {
  await call(`security/sessions/${id}/end`, { body: {} });
  load();
}

/** Do what a form is for; what goes wrong is told in the form. */
function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fault = form.querySelector(".fault");
    fault.hidden = true;
    try {
      await act(Object.fromEntries(new FormData(form)), event.submitter);
    } catch (error) {
      fault.textContent = error.message;
      fault.hidden = false;
    }
  });
}

onSubmit(byId("prove"), async ({ password, code }, button) => {
  const body = { password, code: code ?? "" };
  if (button.value === "codes") {
    showCodes((await call("security/recovery-codes", { body })).recovery_codes);
    return;
  }
  const offered = await call("security/second-factor/offer", { body });
  byId("qr").src = offered.picture;
  byId("secret").textContent = offered.secret;
  byId("accept").hidden = false;
  byId("prove").hidden = true;
  byId("accept").elements.code.focus();
});

onSubmit(byId("accept"), async ({ code }) => {
  showCodes((await call("security/second-factor/accept", { body: { code } })).recovery_codes);
});

onSubmit(byId("password"), async ({ password, code, new_password }) => {
  await call("security/password", { body: { password, code: code ?? "", new_password } });
  location.reload(); // the session is a new one, and so is the page's token
});

function showCodes(codes) {
  byId("accept").hidden = true;
  byId("prove").hidden = true;
  document.getElementById("advice")?.remove();
  fill(byId("code-list"), codes.map((code) => h("li", {}, h("code", {}, code))));
  byId("codes").hidden = false;
  load();
}

byId("end-others").addEventListener("click", async () => {
  await call("security/sessions/end-others", { body: {} });
  load();
});

load();
