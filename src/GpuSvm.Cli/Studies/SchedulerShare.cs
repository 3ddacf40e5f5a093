// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Studies;

/// <summary>
/// Which share of a study this process runs: what the command line says, else what a scheduler's variables say, else all of it. A Slurm array tells each task its number and how many there are; an indexed
/// Kubernetes job tells the number alone, so that how many there are is said by --shares or in the variable GPUSVM_SHARES.
/// </summary>
internal static class SchedulerShare
{
    /// <summary>The most shares.</summary>
    private const int MostShares = 1_000_000;

    /// <summary>The variable that says how many shares there are.</summary>
    public const string SharesVariable = "GPUSVM_SHARES";

    /// <summary>Finds the share.</summary>
    /// <param name="share">--share, or null.</param>
    /// <param name="shares">--shares, or null.</param>
    /// <param name="variable">Reads a variable of the environment: null where it is not set.</param>
    /// <returns>The share, and in words who said so; empty for nobody.</returns>
    /// <exception cref="InputException">What was said makes no sense, or contradicts itself.</exception>
    public static (StudyShare Share, string Source) Find(string? share, string? shares, Func<string, string?> variable)
    {
        if (share is not null)
        {
            return shares is null
                ? (ParseShare(share), "--share")
                : throw new InputException($"--share {share} says how many shares there are already: leave --shares {shares} out");
        }

        var task = variable("SLURM_ARRAY_TASK_ID");
        var index = variable("JOB_COMPLETION_INDEX");
        var count = ParseCount(shares, variable(SharesVariable));
        if (task is not null && index is not null)
            throw new InputException($"SLURM_ARRAY_TASK_ID is {task} and JOB_COMPLETION_INDEX is {index}: both a Slurm array and a Kubernetes job say which share this is; unset one, or say it with --share I/N");
        if (task is not null)
            return (FromSlurm(task, count, variable), $"Slurm array task {task}");
        if (index is not null)
            return (FromKubernetes(index, count), $"Kubernetes completion index {index}");
        return count is null
            ? (StudyShare.Whole, "")
            : throw new InputException($"there are {count} shares, and no scheduler says which of them this is: say it with --share I/{count}, I from 1 to {count}, or leave {(shares is null ? SharesVariable : "--shares")} out");
    }

    /// <summary>The share of a task of an array.</summary>
    /// <param name="task">Its number.</param>
    /// <param name="count">How many shares there are; null where the array says so.</param>
    /// <param name="variable">Reads a variable.</param>
    private static StudyShare FromSlurm(string task, int? count, Func<string, string?> variable)
    {
        var number = Number("SLURM_ARRAY_TASK_ID", task);
        if (count is { } shares)
        {
            return number < shares
                ? new StudyShare(number, shares)
                : throw new InputException($"SLURM_ARRAY_TASK_ID is {number}, and of {shares} shares the last has the number {shares - 1}: submit with --array=0-{shares - 1}, or a part of that");
        }

        int Needed(string name) => Number(name, variable(name)
            ?? throw new InputException($"SLURM_ARRAY_TASK_ID is {task}, and {name} is not set: run this in an array job (sbatch --array=0-7), or say how many shares there are with --shares"));
        int first = Needed("SLURM_ARRAY_TASK_MIN"), last = Needed("SLURM_ARRAY_TASK_MAX"), tasks = Needed("SLURM_ARRAY_TASK_COUNT");
        var step = variable("SLURM_ARRAY_TASK_STEP") is { } text ? Number("SLURM_ARRAY_TASK_STEP", text) : 1;
        if (step == 0 || last < first || (last - first) / step + 1 != tasks || number < first || number > last || (number - first) % step != 0)
        {
            throw new InputException(
                $"SLURM_ARRAY_TASK_ID {number} of {tasks} tasks from {first} to {last} in steps of {step} says no share: number the array in one piece (sbatch --array=0-7), or for a part of one say with --shares how many shares there are in all");
        }

        return new StudyShare((number - first) / step, tasks);
    }

    /// <summary>The share of a pod of an indexed job.</summary>
    private static StudyShare FromKubernetes(string index, int? count)
    {
        var number = Number("JOB_COMPLETION_INDEX", index);
        if (count is not { } shares)
            throw new InputException($"JOB_COMPLETION_INDEX is {index}, and Kubernetes does not say of how many: set {SharesVariable} in the manifest to the job's completions, or give --shares");
        return number < shares
            ? new StudyShare(number, shares)
            : throw new InputException($"JOB_COMPLETION_INDEX is {number}, and of {shares} shares the last has the number {shares - 1}: set {SharesVariable} or --shares to the job's completions");
    }

    /// <summary>Reads I/N.</summary>
    private static StudyShare ParseShare(string text)
    {
        var halves = text.Split('/');
        return halves.Length == 2 && TryNumber(halves[0], out var part) && TryNumber(halves[1], out var parts) && part >= 1 && part <= parts && parts <= MostShares
            ? new StudyShare(part - 1, parts)
            : throw new InputException($"--share {text}: write which share of how many, as in 2/8; 1/1 is everything");
    }

    /// <summary>Reads how many shares there are.</summary>
    private static int? ParseCount(string? option, string? variable)
    {
        if (option is not null && variable is not null && option != variable)
            throw new InputException($"--shares {option} contradicts {SharesVariable}, which is {variable}: leave one of them out");
        if ((option ?? variable) is not { } text)
            return null;
        return TryNumber(text, out var count) && count is >= 1 and <= MostShares ? count : throw new InputException($"{(option is null ? SharesVariable : "--shares")} {text}: not a whole number from 1 to {MostShares}");
    }

    /// <summary>Reads a variable that is a number.</summary>
    private static int Number(string name, string text)
        => TryNumber(text, out var number) ? number : throw new InputException($"{name} is '{text}', which is no number: it is set by the scheduler; unset it, or say which share this is with --share I/N");

    /// <summary>Reads a number without a sign.</summary>
    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
