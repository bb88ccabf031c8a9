// What the page can do without, and is better with: copying, times in the reader's zone, no double submits.
"use strict";

const said = document.getElementById("said");

async function copy(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers keep the clipboard from pages that did not come by https; this older way still works there.
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    button.after(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    button.focus();
    if (!done) {
      said.textContent = "Copying is not possible here; select the text instead.";
      return;
    }
  }
  said.textContent = `${button.dataset.name} copied`;
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 2000);
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}

const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  time.textContent = shown.format(new Date(time.dateTime));
}

for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button) return;
    if (button.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      return;
    }
    button.setAttribute("aria-disabled", "true");
  });
}
// The page may come back as it was left.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll('[aria-disabled="true"]')) button.removeAttribute("aria-disabled");
});
