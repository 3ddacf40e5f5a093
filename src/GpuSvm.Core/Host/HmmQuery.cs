// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>
/// What an HMM walk is asked. A page is wanted as (its own request "and" <see cref="Mask"/>) "or" <see cref="Default"/>: with no mask one request counts for all, with a mask
/// some pages can be wanted for writing, some for reading, and some only looked at. Kernel: the arguments of struct hmm_range.
/// </summary>
/// <param name="Default">What is wanted of every page.</param>
/// <param name="Owner">Device pages of pagemaps with this owner are reported where they are, and so are pages that are exclusive to it; others come home first. 0 sees none.</param>
/// <param name="Mask">What counts of <see cref="HostWorkspace.Requests"/>.</param>
/// <param name="BringReadOnlyHome">What becomes of a device page of the owner that is wanted for writing, that its device may only read though the mapping may be written:
/// true brings it home first, as Linux does; false grants the right where it is.</param>
/// <param name="KeepZeroPage">Whether the page of zeroes will do for reading. The CPU replaces it at its first write and tells nobody, so a device that maps it goes on reading
/// zeroes; unless kept, it counts as absent where the mapping may be written.</param>
/// <param name="StopAtAbsent">Whether the walk may end at the first page that is not valid: <see cref="HostWorkspace.WalkedPages"/> tells how far it came.</param>
/// <param name="Cancellation">Ends a fault early, with <see cref="SvmStatus.Busy"/>. Kernel: a fatal signal, -EINTR.</param>
public readonly record struct HmmQuery(
    HmmRequest Default,
    int Owner,
    HmmRequest Mask = HmmRequest.Snapshot,
    bool BringReadOnlyHome = false,
    bool KeepZeroPage = false,
    bool StopAtAbsent = false,
    CancellationToken Cancellation = default)
{
    /// <summary>What is wanted of a page.</summary>
    /// <param name="own">The page's own request.</param>
    /// <returns>The request that counts.</returns>
    internal HmmRequest For(HmmRequest own) => (own & Mask) | Default;
}
