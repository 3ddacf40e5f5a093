/* SPDX-License-Identifier: MIT */
/* What C says of the structures and numbers that Interop/ repeats; one "NAME VALUE" a line. What older headers lack is declared as the kernel has it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/membarrier.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef UFFDIO_POISON
struct uffdio_poison { struct uffdio_range range; __u64 mode; __s64 updated; };
#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#define UFFD_FEATURE_POISON (1 << 14)
#endif
#ifndef UFFDIO_MOVE
struct uffdio_move { __u64 dst; __u64 src; __u64 len; __u64 mode; __s64 move; };
#define UFFDIO_MOVE _IOWR(UFFDIO, 0x05, struct uffdio_move)
#define UFFD_FEATURE_MOVE (1 << 16)
#endif
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif
#ifndef PAGEMAP_SCAN
struct page_region { __u64 start; __u64 end; __u64 categories; };
struct pm_scan_arg { __u64 size, flags, start, end, walk_end, vec, vec_len, max_pages, category_inverted, category_mask, category_anyof_mask, return_mask; };
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#define PAGE_IS_WRITTEN (1 << 1)
#define PAGE_IS_PRESENT (1 << 3)
#define PAGE_IS_SWAPPED (1 << 4)
#define PAGE_IS_PFNZERO (1 << 5)
#define PAGE_IS_HUGE (1 << 6)
#endif
#ifndef PAGE_IS_GUARD
#define PAGE_IS_GUARD (1 << 8)
#endif
#ifndef PROCMAP_QUERY
struct procmap_query {
    __u64 size, query_flags, query_addr, vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
    __u32 dev_major, dev_minor, vma_name_size, build_id_size;
    __u64 vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
#define PROCMAP_QUERY_COVERING_OR_NEXT_VMA 0x10
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define SIZE(c, name) printf("sizeof." name " %zu\n", sizeof(c))
#define FIELD(c, field, name) printf("offset." name " %zu\n", offsetof(c, field))
#define VALUE(name) printf("value." #name " %llu\n", (unsigned long long)(name))

int main(void)
{
    SIZE(struct uffdio_api, "UffdioApi"); FIELD(struct uffdio_api, api, "UffdioApi.Api"); FIELD(struct uffdio_api, features, "UffdioApi.Features"); FIELD(struct uffdio_api, ioctls, "UffdioApi.Ioctls");
    SIZE(struct uffdio_range, "UffdioRange"); FIELD(struct uffdio_range, start, "UffdioRange.Start"); FIELD(struct uffdio_range, len, "UffdioRange.Length");
    SIZE(struct uffdio_register, "UffdioRegister"); FIELD(struct uffdio_register, mode, "UffdioRegister.Mode"); FIELD(struct uffdio_register, ioctls, "UffdioRegister.Ioctls");
    SIZE(struct uffdio_copy, "UffdioCopy"); FIELD(struct uffdio_copy, dst, "UffdioCopy.Destination"); FIELD(struct uffdio_copy, src, "UffdioCopy.Source"); FIELD(struct uffdio_copy, mode, "UffdioCopy.Mode"); FIELD(struct uffdio_copy, copy, "UffdioCopy.Copied");
    SIZE(struct uffdio_zeropage, "UffdioZeropage"); FIELD(struct uffdio_zeropage, mode, "UffdioZeropage.Mode"); FIELD(struct uffdio_zeropage, zeropage, "UffdioZeropage.Zeroed");
    SIZE(struct uffdio_move, "UffdioMove"); FIELD(struct uffdio_move, dst, "UffdioMove.Destination"); FIELD(struct uffdio_move, src, "UffdioMove.Source"); FIELD(struct uffdio_move, move, "UffdioMove.Moved");
    SIZE(struct uffdio_writeprotect, "UffdioWriteprotect"); FIELD(struct uffdio_writeprotect, mode, "UffdioWriteprotect.Mode");
    SIZE(struct uffdio_poison, "UffdioPoison"); FIELD(struct uffdio_poison, updated, "UffdioPoison.Updated");
    SIZE(struct uffd_msg, "UffdMsg"); FIELD(struct uffd_msg, event, "UffdMsg.Event"); FIELD(struct uffd_msg, arg.pagefault.flags, "UffdMsg.FaultFlags"); FIELD(struct uffd_msg, arg.pagefault.address, "UffdMsg.FaultAddress"); FIELD(struct uffd_msg, arg.pagefault.feat.ptid, "UffdMsg.FaultThread"); FIELD(struct uffd_msg, arg.remove.start, "UffdMsg.RangeStart"); FIELD(struct uffd_msg, arg.remove.end, "UffdMsg.RangeEnd");
    SIZE(struct page_region, "PageRegion"); FIELD(struct page_region, end, "PageRegion.End"); FIELD(struct page_region, categories, "PageRegion.Categories");
    SIZE(struct pm_scan_arg, "PmScanArg"); FIELD(struct pm_scan_arg, walk_end, "PmScanArg.WalkEnd"); FIELD(struct pm_scan_arg, vec_len, "PmScanArg.VectorLength"); FIELD(struct pm_scan_arg, category_anyof_mask, "PmScanArg.CategoryAnyOfMask"); FIELD(struct pm_scan_arg, return_mask, "PmScanArg.ReturnMask");
    SIZE(struct procmap_query, "ProcmapQuery"); FIELD(struct procmap_query, query_addr, "ProcmapQuery.QueryAddress"); FIELD(struct procmap_query, vma_flags, "ProcmapQuery.VmaFlags"); FIELD(struct procmap_query, build_id_addr, "ProcmapQuery.BuildIdAddress");
    SIZE(struct iovec, "IoVec"); FIELD(struct iovec, iov_len, "IoVec.Length");
    SIZE(struct rlimit, "RLimit"); FIELD(struct rlimit, rlim_max, "RLimit.Maximum");
    SIZE(struct pollfd, "PollFd"); FIELD(struct pollfd, events, "PollFd.Events"); FIELD(struct pollfd, revents, "PollFd.ReturnedEvents");
    VALUE(UFFD_API); VALUE(UFFD_USER_MODE_ONLY); VALUE(USERFAULTFD_IOC_NEW);
    VALUE(UFFDIO_API); VALUE(UFFDIO_REGISTER); VALUE(UFFDIO_UNREGISTER); VALUE(UFFDIO_WAKE); VALUE(UFFDIO_COPY); VALUE(UFFDIO_ZEROPAGE); VALUE(UFFDIO_MOVE); VALUE(UFFDIO_WRITEPROTECT); VALUE(UFFDIO_POISON);
    VALUE(UFFDIO_REGISTER_MODE_MISSING); VALUE(UFFDIO_REGISTER_MODE_WP); VALUE(UFFDIO_COPY_MODE_WP); VALUE(UFFDIO_WRITEPROTECT_MODE_WP);
    VALUE(UFFD_EVENT_PAGEFAULT); VALUE(UFFD_EVENT_FORK); VALUE(UFFD_EVENT_REMAP); VALUE(UFFD_EVENT_REMOVE); VALUE(UFFD_EVENT_UNMAP);
    VALUE(UFFD_PAGEFAULT_FLAG_WRITE); VALUE(UFFD_PAGEFAULT_FLAG_WP);
    VALUE(UFFD_FEATURE_PAGEFAULT_FLAG_WP); VALUE(UFFD_FEATURE_EVENT_REMAP); VALUE(UFFD_FEATURE_EVENT_REMOVE); VALUE(UFFD_FEATURE_EVENT_UNMAP); VALUE(UFFD_FEATURE_THREAD_ID); VALUE(UFFD_FEATURE_EXACT_ADDRESS); VALUE(UFFD_FEATURE_POISON); VALUE(UFFD_FEATURE_MOVE);
    VALUE(PAGEMAP_SCAN); VALUE(PROCMAP_QUERY); VALUE(PROCMAP_QUERY_COVERING_OR_NEXT_VMA); VALUE(PAGE_IS_WRITTEN); VALUE(PAGE_IS_PRESENT); VALUE(PAGE_IS_SWAPPED); VALUE(PAGE_IS_PFNZERO); VALUE(PAGE_IS_HUGE); VALUE(PAGE_IS_GUARD);
    VALUE(PROT_NONE); VALUE(PROT_READ); VALUE(PROT_WRITE); VALUE(MAP_PRIVATE); VALUE(MAP_FIXED); VALUE(MAP_ANONYMOUS); VALUE(MAP_NORESERVE);
    VALUE(MADV_DONTNEED); VALUE(MADV_DONTFORK); VALUE(MADV_DOFORK); VALUE(MADV_HUGEPAGE); VALUE(MADV_NOHUGEPAGE); VALUE(MADV_WIPEONFORK); VALUE(MADV_POPULATE_WRITE);
    VALUE(O_RDONLY); VALUE(O_RDWR); VALUE(O_NONBLOCK); VALUE(O_CLOEXEC); VALUE(POLLIN); VALUE(SIGBUS); VALUE(RLIMIT_MEMLOCK);
    VALUE(MEMBARRIER_CMD_QUERY); VALUE(MEMBARRIER_CMD_PRIVATE_EXPEDITED); VALUE(SYS_userfaultfd); VALUE(SYS_membarrier);
    VALUE(EPERM); VALUE(ENOENT); VALUE(ESRCH); VALUE(EINTR); VALUE(EAGAIN); VALUE(ENOMEM); VALUE(EACCES); VALUE(EFAULT); VALUE(EBUSY); VALUE(EEXIST); VALUE(EINVAL); VALUE(ENOSYS);
    return 0;
}
