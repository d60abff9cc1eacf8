"""Work at which every learner fails."""


def judge(job, folder):
    raise RuntimeError(f"no luck with fold {job.number}")
