// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Svm;

/// <summary>Where the pages of an interval are, seen from one pagemap. Kernel: enum drm_gpusvm_scan_result.</summary>
public enum ScanResult
{
    /// <summary>A page is nowhere, held by a migration, or could not be looked at.</summary>
    Unpopulated,

    /// <summary>All pages are in the pagemap asked about.</summary>
    Equal,

    /// <summary>All pages are in one other pagemap.</summary>
    Other,

    /// <summary>All pages are in system memory.</summary>
    System,

    /// <summary>Pages are in several pagemaps, none in system memory.</summary>
    MixedDevice,

    /// <summary>Pages are in system memory and on devices.</summary>
    Mixed,
}
