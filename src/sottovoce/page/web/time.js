// A place in a recording, to the nearest second, as the command writes it: 0:04, 1:02:03.

export function formatTime(seconds) {
  const whole = Math.floor(seconds + 0.5);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
