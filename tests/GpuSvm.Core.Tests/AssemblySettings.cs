// SPDX-License-Identifier: MIT

// Schedule-point hooks and injection points are process-wide: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
