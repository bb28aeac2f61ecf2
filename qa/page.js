// Runs once, as the reader's js_on_load: `element`, `trigger` and `watch` are Gradio's.
const reading = "wd-reading";
const say = (name) => document.getElementById("wd-words")?.dataset[name] ?? "";
let links = [];
let at = -1;
let opener = null;

function open(link) {
  const reply = link.closest(".wd-reply");
  if (reply) {
    links = [...reply.querySelectorAll(".wd-hits .wd-hit-link")];
    opener = link;
  }
  const address = link.getAttribute("href");
  at = links.findIndex((other) => other.getAttribute("href") === address);
  document.body.classList.add(reading);
  element.dataset.address = address;
  trigger("open", { address });
  settle();
}

function close() {
  document.body.classList.remove(reading);
  opener?.focus({ preventScroll: true });
}

function step(by) {
  const next = at < 0 ? 0 : at + by;
  if (links[next]) open(links[next]);
}

function settle() {
  const body = element.querySelector(".wd-page-body");
  if (!body) return;
  if (!element.querySelector(".wd-count")) return (body.querySelector(".wd-trace") ?? body.querySelector("textarea"))?.focus();
  const here = element.querySelector("#wd-here");
  body.scrollTop = here ? here.offsetTop - body.offsetTop - body.clientHeight / 4 : 0;
  element.querySelector(".wd-count").textContent = at < 0 ? "" : `${at + 1} / ${links.length}`;
  element.querySelector(".wd-previous").disabled = at <= 0;
  element.querySelector(".wd-next").disabled = at >= links.length - 1;
  if (document.body.classList.contains(reading)) body.focus({ preventScroll: true });
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // The clipboard interface is missing where the page is neither HTTPS nor on this machine.
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  flash(button, say("copied"));
}

function flash(button, text) {
  button.dataset.label ??= button.textContent;
  button.textContent = text;
  setTimeout(() => (button.textContent = button.dataset.label), 1500);
}

function quotation(card) {
  const read = (selector) => card.querySelector(selector)?.innerText.trim() ?? "";
  if (card.matches(".wd-answer")) return `“${read(".wd-quote")}”——${read(".wd-cite-text")}`;
  const passage = [...card.querySelectorAll(".wd-text")].at(-1);
  const marked = [...passage.querySelectorAll("mark")].map((mark) => mark.textContent).join("");
  const byline = read(".wd-byline");
  return `“${marked || passage.textContent}”——《${read(".wd-title")}》${byline ? ` · ${byline}` : ""}`;
}

const asked = (link) => new URL(link.href).searchParams.get("q");
const verdict = (button) => ["right", "wrong", "declined"].find((name) => button.classList.contains(`wd-${name}`));
const linked = (card) => card?.querySelector(".wd-open")?.getAttribute("href") ?? "";

async function judge(button) {
  const turn = button.closest(".wd-turn");
  const card = button.closest(".wd-answer, .wd-card");
  const back = button.getAttribute("aria-pressed") === "true";
  const answer = card?.querySelector(".wd-words")?.innerText ?? "";
  const sent = {
    question: asked(turn.querySelector(".wd-why")),
    address: linked(card),
    verdict: back ? "withdrawn" : verdict(button),
    answer,
    language: say("language"),
  };
  const refused = await server.judge(sent);
  // The answer and the first passage are one hit: what is said of either shows at both.
  for (const other of turn.querySelectorAll(".wd-judge")) {
    if (refused || linked(other.closest(".wd-answer, .wd-card")) !== sent.address) continue;
    other.setAttribute("aria-pressed", String(!back && verdict(other) === verdict(button)));
  }
  flash(button, refused || say(back ? "back" : "noted"));
}

function again(turn, literal) {
  const latest = turn.closest(".message-row") === [...document.querySelectorAll("#wd-talk .bot-row")].at(-1);
  const question = asked(turn.querySelector(".wd-again"));
  const searched = turn.querySelector(".wd-why");
  once = { question, whole: literal || !searched ? question : asked(searched), latest };
  trigger("retry", {});
}

// --- asking: Gradio calls these with the values of its components, and takes their new values back ---

const KEPT_TURNS = 30; // as in memory.py
const said = (role, html) => ({ role, content: [{ type: "text", text: html }], metadata: null, options: null });
const html = (message) => message?.content?.[0]?.text ?? "";
const waiting = (id) => `<div class="wd-waiting wd-asking-${id}" role="status">`;
let once = null; // the question that is asked once more
let latest = null; // the question that was asked last
let asks = 0;

// As escape of show.py does: what is typed is text, and the server's own words take its place with the answer.
function escaped(text) {
  return text
    .trim()
    .replace(/[&<>"'`*_[\]()!#$~|\\{}]/g, (mark) => `&#${mark.charCodeAt(0)};`)
    .replace(/[ \t\u3000]*\r?\n\s*/g, "<br>");
}

window.wenda = {
  begin(talk, box) {
    const again = once;
    once = null;
    const question = again?.question ?? box ?? "";
    if (!question.trim() || html(talk.at(-1)).startsWith('<div class="wd-waiting')) return [talk, box, null];
    const id = `${Date.now()}-${(asks += 1)}`;
    const before = again?.latest ? talk.slice(0, -2) : talk.slice(-2 * (KEPT_TURNS - 1));
    const stop = `<button type="button" class="wd-stop">${say("stop")}</button>`;
    const shown = [
      said("user", `<div class="wd-asked">${escaped(question)}</div>`),
      said("assistant", `${waiting(id)}${say("searching")}${stop}</div>`),
    ];
    latest = { id, question, ...again };
    return [[...before, ...shown], again ? box : "", latest];
  },
  show(talk, reply) {
    // Else it was stopped, or there was nothing to ask.
    if (!reply || !html(talk.at(-1)).startsWith(waiting(reply.id))) return [talk];
    return [[...talk.slice(0, -2), said("user", reply.asked), said("assistant", reply.reply)]];
  },
  // The server did not take the question and Gradio says why: the question goes back to where it was typed.
  fail(talk, box) {
    if (!latest || !html(talk.at(-1)).startsWith(waiting(latest.id))) return [talk, box];
    return [talk.slice(0, -2), box || latest.question];
  },
};

function wonder(question, expected) {
  links = [];
  document.body.classList.add(reading);
  trigger("submit", { question, expected });
}

element.addEventListener("submit", (event) => {
  event.preventDefault();
  wonder(element.querySelector(".wd-why-question").innerText, event.target.elements.expected.value);
});

function paint(dark) {
  document.body.classList.toggle("dark", dark);
  localStorage.setItem("wenda-theme", dark ? "dark" : "light");
}

document.addEventListener("click", (event) => {
  const hit = (name) => event.target.closest?.(name);
  const link = hit("a.wd-open");
  if (link) {
    event.preventDefault();
    open(link);
  } else if (hit(".wd-copy")) {
    copy(quotation(hit(".wd-answer, .wd-card")), hit(".wd-copy"));
  } else if (hit("a.wd-share")) {
    event.preventDefault();
    copy(hit("a.wd-share").href, hit("a.wd-share"));
  } else if (hit("a.wd-again")) {
    event.preventDefault();
    again(hit(".wd-turn"), false);
  } else if (hit(".wd-literal")) again(hit(".wd-turn"), true);
  else if (hit(".wd-judge")) judge(hit(".wd-judge"));
  else if (hit(".wd-miss")) {
    opener = hit(".wd-miss");
    wonder(opener.dataset.question, opener.dataset.expected);
  } else if (hit("#wd-try")) {
    const trying = document.body.classList.toggle("wd-trying");
    hit("#wd-try").setAttribute("aria-pressed", String(trying));
  } else if (hit("a.wd-why")) {
    event.preventDefault();
    opener = hit("a.wd-why");
    wonder(asked(opener), null);
  } else if (hit(".wd-stop")) {
    trigger("stop", { question: [...document.querySelectorAll(".wd-asked")].at(-1).innerText });
  } else if (hit(".wd-close")) close();
  else if (hit(".wd-previous")) step(-1);
  else if (hit(".wd-next")) step(1);
  else if (hit("#wd-theme")) paint(!document.body.classList.contains("dark"));
});

document.addEventListener("keydown", (event) => {
  if (!document.body.classList.contains(reading) || event.isComposing) return;
  if (event.key === "Escape") close();
  if (event.altKey && event.key === "ArrowLeft") step(-1);
  if (event.altKey && event.key === "ArrowRight") step(1);
});

// Enter that confirms an input method's candidate is not Enter: Gradio sends on any keypress.
// Safari ends the composition before the key, which then carries the code 229 alone.
for (const type of ["keydown", "keypress", "keyup"]) {
  document.addEventListener(
    type,
    (event) => {
      if (event.key !== "Enter" || !(event.isComposing || event.keyCode === 229)) return;
      event.stopImmediatePropagation();
      if (type === "keypress") event.preventDefault();
    },
    true,
  );
}

function name(selector, label) {
  const element = document.querySelector(selector);
  if (element && element.getAttribute("aria-label") !== label) {
    element.setAttribute("aria-label", label);
    element.title = label;
  }
}

let shown = 0;
let ready = false;

// Gradio reads a message's whole markup out as its label, and does not know the page's language;
// a new question goes to the top, with its answer below.
function tidy() {
  for (const message of document.querySelectorAll("#wd-talk [data-testid][aria-label]")) {
    message.removeAttribute("aria-label");
  }
  const rows = document.querySelectorAll("#wd-talk .message-row");
  if (rows.length > shown) [...rows].findLast((row) => row.matches(".user-row"))?.scrollIntoView({ block: "start" });
  shown = rows.length;
  document.querySelector("#wd-talk .examples[role=list]")?.removeAttribute("role"); // its children are buttons
  for (const button of document.querySelectorAll(":is(.wd-judge, #wd-try):not([aria-pressed])")) {
    button.setAttribute("aria-pressed", "false");
  }
  name("#wd-theme", say("theme"));
  name("#wd-box .submit-button", say("send"));
  const box = document.querySelector("#wd-box textarea:enabled");
  if (box && !ready) {
    ready = true;
    // Not where a finger types: the keyboard would cover half the page.
    if (matchMedia("(hover: hover)").matches) box.focus();
  }
  const language = say("language");
  if (language && document.documentElement.lang !== language) document.documentElement.lang = language;
}
new MutationObserver(tidy).observe(document.body, {
  childList: true,
  subtree: true,
  attributeFilter: ["disabled", "aria-label", "data-language"],
});
tidy();

const theme = localStorage.getItem("wenda-theme");
if (theme) paint(theme === "dark");
watch("value", settle);

