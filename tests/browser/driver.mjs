// A browser driven by lines of JSON: {"do": name, …} comes in, {"ok": value} or {"error": message} goes out.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const require = createRequire(`${process.argv[2]}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: process.argv[3],
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

let context, page, messages;

function follow(opened) {
  opened.setDefaultTimeout(30_000);
  opened.on("console", (message) => messages.push(`console ${message.type()}: ${message.text()}`));
  opened.on("pageerror", (error) => messages.push(`error: ${error.message}`));
  opened.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    if (reason !== "net::ERR_ABORTED") messages.push(`failed: ${request.url()} ${reason}`); // else the page was left
  });
}

function root(within) {
  return within ? page.locator(within) : page;
}

async function leading(away, act) {
  const arrived = away ? page.waitForEvent("load") : null;
  await act();
  await arrived;
}

const commands = {
  async open({ options }) {
    await context?.close();
    context = await browser.newContext(options);
    messages = [];
    // Nothing leaves this machine: other sites are one line of text.
    const elsewhere = { contentType: "text/html", body: "<!doctype html><title>Elsewhere</title>" };
    await context.route((url) => url.hostname !== "127.0.0.1", (route) => route.fulfill(elsewhere));
    page = await context.newPage();
    follow(page);
  },
  async goto({ url }) { return (await page.goto(url)).status(); },
  async arrive({ url }) { await page.waitForURL(url); },
  async click({ role, name, within, away }) {
    await leading(away, () => root(within).getByRole(role, { name, exact: true }).click());
  },
  async fill({ label, value, within }) {
    await root(within).getByLabel(label, { exact: true }).fill(value);
  },
  async select({ label, value, within }) {
    await root(within).getByLabel(label, { exact: true }).selectOption(value);
  },
  async press({ key, away }) { await leading(away, () => page.keyboard.press(key)); },
  async type({ text }) { await page.keyboard.type(text); },
  async evaluate({ script }) { return page.evaluate(script); },
  async read({ within, text }) { await page.locator(within).filter({ hasText: text }).waitFor({ state: "attached" }); },
  async text({ within }) { return page.locator(within ?? "body").innerText(); },
  async url() { return page.url(); },
  async html() { return page.content(); },
  async size({ width, height }) { await page.setViewportSize({ width, height }); },
  async picture({ path }) { await page.screenshot({ path, fullPage: true }); },
  async messages() { return messages; },
  async cookies() { return context.cookies(); },
  async violations() {
    await page.evaluate(axe);
    const found = await page.evaluate("axe.run()");
    return found.violations.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map((node) => node.html).join(", ")})`);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = { ok: (await commands[asked.do](asked)) ?? null };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
