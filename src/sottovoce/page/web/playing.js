// One sound at a time in the whole page: who begins silences whoever played before.

let current = null;

export function takeTurn(player) {
  if (current !== player) silence();
  current = player;
}

export function silence() {
  current?.pause();
  current = null;
}
