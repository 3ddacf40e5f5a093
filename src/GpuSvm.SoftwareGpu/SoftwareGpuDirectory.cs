// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// The level that maps 1 GiB as 512 blocks of 2 MiB. For each block it has an <em>entry</em>, which is what units read (nothing, a 2 MiB translation, or the
/// address of a lowest table), and beside it the block's lowest table, which stays for good once prepared. So a 2 MiB entry can stand over a table and give
/// way to it again without an allocation.
/// </summary>
/// <remarks>
/// Lives in unmanaged memory, because units walk it without a lock; nothing of it is freed before the page table is disposed. Entries are written with single
/// 8-byte stores under the block's lock of <see cref="SoftwareGpuPageTable"/>. A store that publishes a table or a translation is a release; the walker's load is an acquire.
/// </remarks>
internal unsafe struct SoftwareGpuDirectory
{
    /// <summary>log2 of the entries of every table.</summary>
    internal const int IndexBits = 9;

    /// <summary>Entries of every table.</summary>
    internal const int Entries = 1 << IndexBits;

    /// <summary>Base pages of a 64 KiB block.</summary>
    internal const int PagesPerMedium = 16;

    private fixed ulong _entries[Entries];
    private fixed ulong _tables[Entries];
    private fixed short _live[Entries]; // Present entries of each lowest table.

    /// <summary>What units read for a block.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="block">0 to 511.</param>
    /// <returns>The entry's place.</returns>
    internal static ulong* Entry(SoftwareGpuDirectory* directory, int block) => directory->_entries + block;

    /// <summary>Where a block's lowest table is kept; 0 until prepared.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="block">0 to 511.</param>
    /// <returns>The pointer's place.</returns>
    internal static ulong* TableSlot(SoftwareGpuDirectory* directory, int block) => directory->_tables + block;

    /// <summary>Writes the translation of one page, 64 KiB block or 2 MiB block, the largest that fits.</summary>
    /// <param name="directory">The directory; the block's table is prepared and its lock held.</param>
    /// <param name="block">0 to 511.</param>
    /// <param name="page">The first page in the block, 0 to 511.</param>
    /// <param name="pages">How many pages follow on from it in the same mapping and block, at least 1.</param>
    /// <param name="target">Where they are.</param>
    /// <param name="mapping">The mapping they are part of: how to reach them, and what units may do.</param>
    /// <returns>How many pages were written: 1, 16 or 512.</returns>
    internal static int WriteLocked(SoftwareGpuDirectory* directory, int block, int page, long pages, ulong target, DeviceAddress mapping)
    {
        ulong* entry = Entry(directory, block);
        ulong* table = (ulong*)*TableSlot(directory, block);
        if (table == null)
            throw new InvalidOperationException("A page-table entry is written that was not prepared.");
        if (page == 0 && pages >= Entries && (target & (PageSize.HugeBytes - 1)) == 0)
        {
            Volatile.Write(ref *entry, new SoftwareGpuPte(target, mapping.Protocol, mapping.IsWritable, SoftwareGpuPageClass.Huge, mapping.IsExclusive).Bits);
            if (directory->_live[block] != 0)
                ClearTable(directory, block, table);
            return Entries;
        }

        UseTableLocked(directory, block, entry, table);
        bool medium = page % PagesPerMedium == 0 && pages >= PagesPerMedium && (target & (PagesPerMedium * PageSize.Bytes - 1)) == 0;
        int count = medium ? PagesPerMedium : 1;
        if (!medium)
            SplitMedium(table, page);
        SoftwareGpuPageClass size = medium ? SoftwareGpuPageClass.Medium : SoftwareGpuPageClass.Small;
        for (int i = 0; i < count; i++)
        {
            if (table[page + i] == 0)
                directory->_live[block]++;
            Volatile.Write(ref table[page + i], new SoftwareGpuPte(target + ((ulong)i << PageSize.Shift), mapping.Protocol, mapping.IsWritable, size, mapping.IsExclusive).Bits);
        }

        return count;
    }

    /// <summary>Clears the translations that overlap a part of a block, whole even where only a part of one overlaps.</summary>
    /// <param name="directory">The directory; the block's lock is held.</param>
    /// <param name="block">0 to 511.</param>
    /// <param name="first">The part's first page.</param>
    /// <param name="end">The page after its last, at most 512.</param>
    /// <param name="clearedFirst">The first page that had a translation that is gone now.</param>
    /// <param name="clearedEnd">The page after the last such.</param>
    /// <returns>False if nothing was there.</returns>
    internal static bool ZapLocked(SoftwareGpuDirectory* directory, int block, int first, int end, out int clearedFirst, out int clearedEnd)
    {
        clearedFirst = Entries;
        clearedEnd = 0;
        ulong* entry = Entry(directory, block);
        if (*entry == 0)
            return false;
        if (new SoftwareGpuPte(*entry).IsPresent)
        {
            Volatile.Write(ref *entry, 0);
            (clearedFirst, clearedEnd) = (0, Entries);
            return true;
        }

        ulong* table = (ulong*)*entry;
        for (int page = first; page < end; page++)
        {
            SoftwareGpuPte pte = new(table[page]);
            if (!pte.IsPresent)
                continue;
            int start = page;
            int count = 1;
            if (pte.Size == SoftwareGpuPageClass.Medium)
            {
                start = page & ~(PagesPerMedium - 1);
                count = PagesPerMedium;
            }

            for (int i = start; i < start + count; i++)
                Volatile.Write(ref table[i], 0);
            directory->_live[block] -= (short)count;
            clearedFirst = Math.Min(clearedFirst, start);
            clearedEnd = start + count;
            page = clearedEnd - 1;
        }

        if (directory->_live[block] == 0)
            Volatile.Write(ref *entry, 0); // Later walks and zaps stop here; the table stays for the next write.
        return clearedEnd != 0;
    }

    /// <summary>Frees the lowest tables.</summary>
    /// <param name="directory">The directory; nobody walks it any more.</param>
    internal static void FreeTables(SoftwareGpuDirectory* directory)
    {
        for (int block = 0; block < Entries; block++)
            NativeMemory.AlignedFree((void*)directory->_tables[block]);
    }

    /// <summary>Lets the block's entry lead to its table; a 2 MiB translation that stands there is carried over into it, page by page.</summary>
    private static void UseTableLocked(SoftwareGpuDirectory* directory, int block, ulong* entry, ulong* table)
    {
        SoftwareGpuPte huge = new(*entry);
        if (huge.IsPresent)
        {
            for (int page = 0; page < Entries; page++)
                table[page] = huge.SmallPart(page).Bits;
            directory->_live[block] = Entries;
        }

        if (*entry != (ulong)table)
            Volatile.Write(ref *entry, (ulong)table); // Release: a walker that sees the table sees what is in it.
    }

    /// <summary>Turns the 64 KiB translation around a page, if there is one, into 16 of 4 KiB.</summary>
    private static void SplitMedium(ulong* table, int page)
    {
        if (new SoftwareGpuPte(table[page]) is not { IsPresent: true, Size: SoftwareGpuPageClass.Medium })
            return;
        int start = page & ~(PagesPerMedium - 1);
        for (int i = start; i < start + PagesPerMedium; i++)
            Volatile.Write(ref table[i], new SoftwareGpuPte(table[i]).SmallPart(0).Bits);
    }

    /// <summary>Empties a lowest table that a 2 MiB translation has replaced. A walker that is still in it finds nothing, faults, and replays.</summary>
    private static void ClearTable(SoftwareGpuDirectory* directory, int block, ulong* table)
    {
        for (int page = 0; page < Entries; page++)
            Volatile.Write(ref table[page], 0);
        directory->_live[block] = 0;
    }
}
