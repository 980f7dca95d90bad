// Linked into libzmq for Linux by build/libzmq.sh, so that the library needs no newer glibc than the programs it is in:
// the machine that builds it may have one of yesterday. Functions that got a new version without a new behaviour are
// asked for by their old one, and what old ones do not have is here. Nothing of this is visible outside the library.

#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#define JUMP(name) "jmp " name "@PLT"
#define STAT_VERSION 1
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
#define JUMP(name) "b " name
#define STAT_VERSION 0
#endif

// Defines NAME as a jump to the NAME of that version of glibc.
#define VERSION_OF(name, version)                                                                                      \
  __asm__(".symver old_" #name "," #name "@" version "\n"                                                              \
          ".pushsection .text\n"                                                                                       \
          ".globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" #name ":\n" JUMP("old_" #name) "\n"      \
          ".popsection\n");
#define OLDEST_OF(name) VERSION_OF(name, OLDEST)

#if defined(__x86_64__)
VERSION_OF(pthread_condattr_setclock, "GLIBC_2.3.3")
VERSION_OF(pthread_setaffinity_np, "GLIBC_2.3.4")
VERSION_OF(pthread_setname_np, "GLIBC_2.12")
#else
OLDEST_OF(pthread_condattr_setclock)
OLDEST_OF(pthread_setaffinity_np)
OLDEST_OF(pthread_setname_np)
#endif
OLDEST_OF(__pthread_key_create)
OLDEST_OF(pthread_create)
OLDEST_OF(pthread_getspecific)
OLDEST_OF(pthread_join)
OLDEST_OF(pthread_key_create)
OLDEST_OF(pthread_key_delete)
OLDEST_OF(pthread_mutex_trylock)
OLDEST_OF(pthread_mutexattr_destroy)
OLDEST_OF(pthread_mutexattr_init)
OLDEST_OF(pthread_mutexattr_settype)
OLDEST_OF(pthread_once)
OLDEST_OF(pthread_setspecific)
OLDEST_OF(pthread_sigmask)

// Up to 2.32 these were inline functions around others.
#define HIDDEN __attribute__((visibility("hidden")))
__asm__(".symver old_xstat,__xstat@" OLDEST);
__asm__(".symver old_fxstat,__fxstat@" OLDEST);
struct stat;
int old_xstat(int version, const char *path, struct stat *status);
int old_fxstat(int version, int descriptor, struct stat *status);

HIDDEN int stat(const char *path, struct stat *status) {
  return old_xstat(STAT_VERSION, path, status);
}

HIDDEN int fstat(int descriptor, struct stat *status) {
  return old_fxstat(STAT_VERSION, descriptor, status);
}

// "Maybe not" is always right.
HIDDEN char __libc_single_threaded = 0;

HIDDEN uint32_t arc4random(void) {
  uint32_t number;
  if (getentropy(&number, sizeof number) != 0)
    abort();
  return number;
}

// Where the unwinder of C++ exceptions finds the table of an address.
struct search {
  uintptr_t address;
  struct dl_find_object *result;
};

static int look_into(struct dl_phdr_info *object, size_t size, void *data) {
  const struct search *search = data;
  const ElfW(Phdr) *table = NULL;
  int is_in = 0;
  uintptr_t start = UINTPTR_MAX, end = 0;
  (void)size;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &object->dlpi_phdr[i];
    const uintptr_t first = object->dlpi_addr + header->p_vaddr;
    if (header->p_type == PT_GNU_EH_FRAME)
      table = header;
    if (header->p_type != PT_LOAD)
      continue;
    is_in |= search->address >= first && search->address < first + header->p_memsz;
    start = first < start ? first : start;
    end = first + header->p_memsz > end ? first + header->p_memsz : end;
  }
  if (!is_in || table == NULL)
    return 0;
  memset(search->result, 0, sizeof *search->result);
  search->result->dlfo_map_start = (void *)start;
  search->result->dlfo_map_end = (void *)end;
  search->result->dlfo_eh_frame = (void *)(object->dlpi_addr + table->p_vaddr);
  return 1;
}

HIDDEN int _dl_find_object(void *address, struct dl_find_object *result) {
  struct search search = {(uintptr_t)address, result};
  return dl_iterate_phdr(look_into, &search) == 1 ? 0 : -1;
}
