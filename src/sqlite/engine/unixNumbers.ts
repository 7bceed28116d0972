import { constants } from 'node:fs';

/** The numbers of system errors in WASI, by their names. */
export const errno: Readonly<Record<string, number>> & Readonly<Record<KnownErrno, number>> = {
  EACCES: 2,
  EAGAIN: 6,
  EBADF: 8,
  EBUSY: 10,
  EEXIST: 20,
  EINVAL: 28,
  EIO: 29,
  EISDIR: 31,
  EMFILE: 33,
  ENFILE: 41,
  ENOENT: 44,
  ENOSPC: 51,
  ENOTDIR: 54,
  EPERM: 63,
  EROFS: 69,
};
type KnownErrno = 'EAGAIN' | 'EBADF' | 'EINVAL' | 'EIO' | 'ENOENT' | 'EROFS';

/** Whether flags of `open`, as the C side has them, ask for reading alone. */
export function isReadOnly(flags: number): boolean {
  return (flags & 3) === 0;
}

/** Flags of `open` from the C side as the flags of this machine. */
export function nodeFlags(flags: number): number {
  const access = [constants.O_RDONLY, constants.O_WRONLY, constants.O_RDWR][flags & 3] ?? constants.O_RDWR;
  return (
    access |
    ((flags & 64) === 0 ? 0 : constants.O_CREAT) |
    ((flags & 128) === 0 ? 0 : constants.O_EXCL) |
    ((flags & 512) === 0 ? 0 : constants.O_TRUNC)
  );
}
