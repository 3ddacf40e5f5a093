// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <content>What becomes of pages when the program changes its mappings without giving contents up.</content>
internal sealed partial class PageStates
{
    /// <summary>Takes the right to be written away from the device pages of an interval, whatever the new protection is: the next write fault looks at the mapping again.
    /// Kernel: change_pte_range.</summary>
    /// <param name="interval">The interval.</param>
    /// <remarks>Locking: the lock is held (event gate).</remarks>
    public void ProtectLocked(AddressRange interval)
    {
        _lock.AssertHeld();
        ulong limit = interval.End.PageNumber;
        for (ulong page = _table.FindNext(interval.Start.PageNumber, limit); page < limit; page = _table.FindNext(page + 1, limit))
        {
            PageEntry entry = _table.Get(page);
            if (entry.IsDevice)
                _table.Set(page, entry.AsReadOnly());
        }
    }

    /// <summary>Carries the pages of an interval to other addresses; what was there is forgotten.</summary>
    /// <param name="from">Where they were.</param>
    /// <param name="to">Where they are now; as long, and not overlapping.</param>
    /// <param name="released">Receives the entries of pages forgotten at the new addresses.</param>
    /// <remarks>Locking: the lock is held (event gate). A claimed page is forgotten where it was: only pages that nobody holds are carried.</remarks>
    public void MoveLocked(AddressRange from, AddressRange to, List<PageEntry> released)
    {
        DropLocked(to, released);
        ulong limit = from.End.PageNumber;
        for (ulong page = _table.FindNext(from.Start.PageNumber, limit); page < limit; page = _table.FindNext(page + 1, limit))
        {
            PageEntry entry = _table.Get(page);
            if (entry.IsMigrating)
            {
                _table.Set(page, entry.AsDropped());
                continue;
            }

            ulong target = page - from.Start.PageNumber + to.Start.PageNumber;
            _table.Set(page, default);
            _table.Set(target, entry);
            _reverse[entry.Pagemap][entry.Frame.Number] = target + 1;
        }
    }
}
