// SPDX-License-Identifier: MIT

// One test at a time: signal handlers, forked children and the process's memory map are shared by all.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
