// SPDX-License-Identifier: MIT
namespace GpuSvm.Native.Tests;

/// <summary>A stale handle never means another object and never crashes.</summary>
public class HandleTableTests
{
    private readonly HandleTable<string> _table = new();

    [Fact]
    public void AHandleMeansItsObjectUntilItIsRemoved()
    {
        ulong handle = _table.Add("one");
        Assert.NotEqual(0UL, handle);
        Assert.True(_table.TryBorrow(handle, out HandleTable<string>.Lease lease));
        Assert.Equal("one", lease.Value);
        lease.Dispose();
        Assert.True(_table.Remove(handle));
        Assert.False(_table.TryBorrow(handle, out _));
        Assert.False(_table.Remove(handle));
    }

    [Fact]
    public void AReusedSlotHasAnotherHandle()
    {
        ulong first = _table.Add("one");
        Assert.True(_table.Remove(first));
        ulong second = _table.Add("two");
        Assert.NotEqual(first, second);
        Assert.Equal((uint)first, (uint)second); // The slot is the same.
        Assert.False(_table.TryBorrow(first, out _));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(1UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 32)]
    [InlineData(0x1_8000_0001UL)]
    [InlineData(0x1_0000_0002UL)]
    public void ANumberThatWasNeverGivenMeansNothing(ulong handle)
    {
        _table.Add("one");
        Assert.False(_table.TryBorrow(handle, out _));
        Assert.False(_table.Remove(handle));
        Assert.False(_table.RemoveAndDrain(handle, out _, _ => { }));
    }

    [Fact]
    public void WhereTheHandlesAreAnotherProcesssTheyStandForNothing()
    {
        bool isForeign = false;
        var table = new HandleTable<string>(() => isForeign);
        ulong handle = table.Add("one");
        isForeign = true;
        Assert.False(table.TryBorrow(handle, out _));
        Assert.False(table.Remove(handle));
        Assert.False(table.RemoveAndDrain(handle, out _, _ => { }));
        isForeign = false;
        Assert.True(table.Remove(handle));
    }

    [Fact]
    public async Task DrainingWaitsForTheLastLease()
    {
        ulong handle = _table.Add("one");
        using var draining = new ManualResetEventSlim();
        using var borrowed = new ManualResetEventSlim();
        using var giveBack = new ManualResetEventSlim();
        Task borrower = Task.Factory.StartNew(() =>
        {
            Assert.True(_table.TryBorrow(handle, out HandleTable<string>.Lease lease));
            borrowed.Set();
            giveBack.Wait();
            lease.Dispose();
        }, TaskCreationOptions.LongRunning);
        borrowed.Wait();
        Task drain = Task.Factory.StartNew(() => Assert.True(_table.RemoveAndDrain(handle, out _, _ => draining.Set())), TaskCreationOptions.LongRunning);
        draining.Wait();
        Assert.False(drain.IsCompleted);
        Assert.False(_table.TryBorrow(handle, out _));
        giveBack.Set();
        await Task.WhenAll(borrower, drain).WaitAsync(TimeSpan.FromSeconds(30));
    }
}
