// On the loaded board: notes when each stop's new text stood in its row, and when a frame with it was out.
// The second animation frame begins after the first was painted, so "painted" errs on the late side.
() => {
  const now = () => performance.timeOrigin + performance.now();
  const texts = new Map();
  const level = (row) => row.querySelector(".c-stop").firstChild.textContent;
  for (const row of document.querySelectorAll(".row")) texts.set(row.dataset.id, level(row));
  window.benchPainted = [];
  const isInSight = (row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const look = (records) => {
    const shown = now();
    const fresh = [];
    for (const { target } of records) {
      const cell = (target.nodeType === Node.TEXT_NODE ? target.parentElement : target)?.closest(".c-stop");
      const row = cell?.closest(".row");
      if (!row || texts.get(row.dataset.id) === level(row)) continue;
      texts.set(row.dataset.id, level(row));
      fresh.push([row, level(row), shown]);
    }
    if (!fresh.length) return;
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const painted = now();
        for (const [row, text, shown] of fresh) window.benchPainted.push([row.dataset.id, text, shown, painted, isInSight(row)]);
      }),
    );
  };
  new MutationObserver(look).observe(document.getElementById("rows"), { subtree: true, childList: true, characterData: true });
  return Date.now() - now();
}
