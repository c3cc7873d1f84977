// The same person's other tabs at this stage: what is decided in one is decided in all, and is not asked again.

export class Tabs {
  // hear([{subject, decision}]): what another tab did just now
  constructor(name, hear) {
    this.channel = globalThis.BroadcastChannel ? new BroadcastChannel(name) : null;
    if (this.channel) this.channel.onmessage = ({ data }) => hear(data);
  }

  tell(items) {
    this.channel?.postMessage(items.map(({ id, decision }) => ({ subject: id, decision })));
  }
}
