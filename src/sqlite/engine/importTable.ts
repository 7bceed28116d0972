/**
 * The system calls that `sql.js` asks of its host, in the order of its release build. That build has one-letter names
 * but writes its imports sorted by their C names, so a position says which call it is. Each entry is the C name and
 * the number of parameters that the glue's function declares, which together are a fingerprint of the build.
 *
 * The debug build has the real names, but its glue reads rows 2.3 to 2.6 times slower and is larger by 15 KB gzipped
 * in each of its two files (measured with sql.js 1.16.0), so the release build is bound by position. A test holds this
 * table against the debug build of the installed version; the self test proves at run time what it says.
 */
export const importTable: readonly (readonly [name: string, parameters: number])[] = [
  ['__assert_fail', 4],
  ['__syscall_chmod', 2],
  ['__syscall_faccessat', 3],
  ['__syscall_fchmod', 2],
  ['__syscall_fchown32', 1],
  ['__syscall_fcntl64', 3],
  ['__syscall_fstat64', 2],
  ['__syscall_ftruncate64', 2],
  ['__syscall_getcwd', 2],
  ['__syscall_geteuid32', 0],
  ['__syscall_lstat64', 2],
  ['__syscall_mkdirat', 3],
  ['__syscall_newfstatat', 4],
  ['__syscall_openat', 4],
  ['__syscall_readlinkat', 4],
  ['__syscall_rmdir', 1],
  ['__syscall_stat64', 2],
  ['__syscall_unlinkat', 3],
  ['__syscall_utimensat', 4],
  ['_abort_js', 0],
  ['_emscripten_runtime_keepalive_clear', 0],
  ['_localtime_js', 2],
  ['_mmap_js', 7],
  ['_munmap_js', 6],
  ['_setitimer_js', 2],
  ['_tzset_js', 4],
  ['emscripten_date_now', 0],
  ['emscripten_get_heap_max', 0],
  ['emscripten_get_now', 0],
  ['emscripten_resize_heap', 1],
  ['environ_get', 2],
  ['environ_sizes_get', 2],
  ['fd_close', 1],
  ['fd_fdstat_get', 2],
  ['fd_read', 4],
  ['fd_seek', 4],
  ['fd_sync', 1],
  ['fd_write', 4],
  ['proc_exit', 1],
  ['warnLegacyFunction', 1],
];

/**
 * The key under which each C name is found in the glue's imports; undefined when the imports are not those of the
 * table, in number or in parameters.
 */
export function bindImports(
  imports: Readonly<Record<string, unknown>>,
  table: typeof importTable,
): ReadonlyMap<string, string> | undefined {
  const keys = Object.keys(imports);
  if (keys.length !== table.length) return undefined;
  const keyOfName = new Map<string, string>();
  for (const [index, [name, parameters]] of table.entries()) {
    const key = keys[index];
    const imported = key === undefined ? undefined : imports[key];
    if (key === undefined || typeof imported !== 'function' || imported.length !== parameters)
      return undefined;
    keyOfName.set(name, key);
  }
  return keyOfName;
}
