import { ProgressLocation, window } from 'vscode';

/** Says, while it lasts, that something is being done that a person asked for. The device ends such work by itself alone. */
export function withProgress<T>(title: string, work: () => Promise<T>): Promise<T> {
  return Promise.resolve(window.withProgress({ location: ProgressLocation.Notification, title }, work));
}
