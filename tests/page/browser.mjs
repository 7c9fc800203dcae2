// A browser, driven by lines of JSON on standard input: {"do": NAME, ...}; each is answered by a
// line {"value": ...} or {"error": TEXT}. What the page itself complains of is kept for "complaints".
import {createRequire} from "node:module";
import {createInterface} from "node:readline";

const require = createRequire(process.env.PAGE_MODULES + "/");
const {chromium} = require("playwright-core");
const axe = require("axe-core");

const PATIENCE = 60000; // ms; nothing waits so long when all is well
const browser = await chromium.launch({
  timeout: PATIENCE,
  executablePath: process.env.PAGE_BROWSER,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         ...JSON.parse(process.env.PAGE_FLAGS ?? "[]")],
});
let page, context, complaints, requests;

const commands = {
  // A window of its own, with options of a browser context: viewport, colorScheme, javaScriptEnabled.
  async window({options}) {
    await context?.close();
    context = await browser.newContext({serviceWorkers: "block", ...options});
    context.setDefaultTimeout(PATIENCE);
    page = await context.newPage();
    complaints = [];
    requests = [];
    page.on("console", m => m.type() === "error" && complaints.push(m.text()));
    page.on("pageerror", e => complaints.push(String(e)));
    page.on("request", r => requests.push(`${r.method()} ${r.url()}`));
  },
  async leave() { await context?.close(); context = undefined; },
  async open({url}) { return (await page.goto(url)).status(); },
  async run({code, argument}) { return page.evaluate(`(${code})(${JSON.stringify(argument ?? null)})`); },
  async wait({code, argument}) {
    const end = Date.now() + PATIENCE; // waitForFunction wants eval, which the page's rules forbid
    while (!await commands.run({code, argument})) {
      if (Date.now() > end)
        throw new Error(await page.locator("body").innerText());
      await new Promise(done => setTimeout(done, 50));
    }
  },
  async text({selector}) { return page.locator(selector).first().innerText(); },
  async click({selector}) { await page.click(selector); },
  async fill({selector, text}) { await page.fill(selector, text); },
  async press({key}) { await page.keyboard.press(key); },
  async size({width, height}) { await page.setViewportSize({width, height}); },
  // Another window in front of it, or none any more.
  async hide({on}) {
    const client = await context.newCDPSession(page);
    await client.send("Emulation.setFocusEmulationEnabled", {enabled: !on});
    await page.evaluate(hidden => {
      Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
      document.dispatchEvent(new Event("visibilitychange"));
    }, on);
  },
  async axe() {
    if (await page.evaluate("typeof axe === 'undefined'"))
      await page.evaluate(axe.source);
    const found = await page.evaluate("axe.run({resultTypes: ['violations']}).then(r => r.violations)");
    return found.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html).join(" | ")}`);
  },
  async picture({file, whole}) { await page.screenshot({path: file, fullPage: whole}); },
  async complaints() { return complaints.splice(0); },
  async requests() { return requests.splice(0); },
};

for await (const line of createInterface({input: process.stdin})) {
  const {do: name, ...more} = JSON.parse(line);
  let answer;
  try {
    answer = {value: await commands[name](more) ?? null};
  } catch (e) {
    answer = {error: String(e)};
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
