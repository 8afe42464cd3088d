// Before the page's own scripts: notes when each change came over the socket.
window.benchHeard = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      if (typeof data !== "string" || !data.startsWith('42["bracket_order_update"')) return;
      const [, update] = JSON.parse(data.slice(2));
      if (update.status === "modified") window.benchHeard.push([update.bracket_id, performance.timeOrigin + performance.now()]);
    });
  }
};
