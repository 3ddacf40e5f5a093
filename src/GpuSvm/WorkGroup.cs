// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>One group of an <see cref="IndexSpace"/>: what one call of a kernel works on. Enumerating it gives its items, a row at a time.</summary>
/// <param name="Index">Which group it is, in groups.</param>
/// <param name="Start">Its first item.</param>
/// <param name="Size">Its items in each direction: those of a whole group, fewer at the far edges.</param>
public readonly record struct WorkGroup(Index3 Index, Index3 Start, Extent3 Size)
{
    /// <summary>The first item of each of its rows: <see cref="Size"/>.X items follow one another from there, so that one copy takes a row.</summary>
    public RowEnumerator Rows => new(this);

    /// <summary>Begins to go through the items.</summary>
    /// <returns>The enumerator.</returns>
    public ItemEnumerator GetEnumerator() => new(this);

    /// <summary>Goes through the items: X first, then Y, then Z.</summary>
    /// <param name="group">The group.</param>
    public struct ItemEnumerator(WorkGroup group)
    {
        private readonly WorkGroup _group = group;
        private nint _x = -1;
        private nint _y;
        private nint _z;

        /// <summary>The item.</summary>
        public readonly WorkItem Current
        {
            get
            {
                var local = new Index3(_x, _y, _z);
                return new WorkItem(new Index3(_group.Start.X + _x, _group.Start.Y + _y, _group.Start.Z + _z), local);
            }
        }

        /// <summary>Goes to the next item.</summary>
        /// <returns>False behind the last.</returns>
        public bool MoveNext()
        {
            if (++_x < _group.Size.X)
                return true;
            _x = 0;
            if (++_y < _group.Size.Y)
                return true;
            _y = 0;
            return ++_z < _group.Size.Z;
        }
    }

    /// <summary>Goes through the rows: Y first, then Z.</summary>
    /// <param name="group">The group.</param>
    public struct RowEnumerator(WorkGroup group)
    {
        private readonly WorkGroup _group = group;
        private nint _y = -1;
        private nint _z;

        /// <summary>The row's first item.</summary>
        public readonly Index3 Current => new(_group.Start.X, _group.Start.Y + _y, _group.Start.Z + _z);

        /// <summary>What foreach asks for.</summary>
        /// <returns>This.</returns>
        public readonly RowEnumerator GetEnumerator() => this;

        /// <summary>Goes to the next row.</summary>
        /// <returns>False behind the last.</returns>
        public bool MoveNext()
        {
            if (++_y < _group.Size.Y)
                return true;
            _y = 0;
            return ++_z < _group.Size.Z;
        }
    }
}
