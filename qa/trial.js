// Runs once, as the evaluation form's js_on_load: `element` and `trigger` are Gradio's.
async function textOf(input, most) {
  const file = input.files[0];
  if (!file) return "";
  if (file.size > most) throw new RangeError(file.name);
  return file.text();
}

async function run(form) {
  const { elements, dataset } = form;
  try {
    const own = elements.set.value === "file" ? await textOf(elements.own, Number(dataset.most)) : "";
    const earlier = await textOf(elements.earlier, Number(dataset.mostReport));
    trigger("submit", { set: elements.set.value, own, earlier });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    elements.own.setCustomValidity(dataset.tooLarge);
    elements.own.reportValidity();
  }
}

element.addEventListener("submit", (event) => {
  event.preventDefault();
  run(event.target);
});

element.addEventListener("change", (event) => {
  event.target.form.elements.own.setCustomValidity("");
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.(".wd-stop-run")) trigger("stop");
  const save = event.target.closest?.(".wd-save-report");
  if (!save) return;
  const text = save.closest(".wd-scorecard").querySelector(".wd-report").value;
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  Object.assign(document.createElement("a"), { href: address, download: "report.json" }).click();
  URL.revokeObjectURL(address);
});
