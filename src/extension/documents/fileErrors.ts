import { FileSystemError, type Uri } from 'vscode';
import type { Result } from '../../base/result';
import type { DeviceError } from '../../device/deviceError';

/** The value of a device's answer, or the throw that the editor expects of a file system. */
export function valueOrThrow<T>(answer: Result<T, DeviceError>, uri: Uri): T {
  if (answer.ok) return answer.value;
  const { code, message } = answer.error;
  if (code === 'unknownItem' || code === 'unknownConflict') throw FileSystemError.FileNotFound(uri);
  throw FileSystemError.Unavailable(message);
}
