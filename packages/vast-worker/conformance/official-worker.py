"""The official worker, configured as our-worker.ts is: two routes, workload from the payload, log phrases, a benchmark."""

import os

from vastai.serverless.server.worker import BenchmarkConfig, HandlerConfig, LogActionConfig, Worker, WorkerConfig

max_queue_time = float(os.environ.get("SUBJECT_MAX_QUEUE_TIME", "30"))


def workload(payload):
    return payload.get("workload", 1)


worker = Worker(
    WorkerConfig(
        model_server_url="http://127.0.0.1",
        model_server_port=int(os.environ["MODEL_SERVER_PORT"]),
        model_log_file=os.environ["MODEL_LOG"],
        model_healthcheck_url=None if os.environ.get("SUBJECT_NO_HEALTH") else "/health",
        handlers=[
            HandlerConfig(
                route="/test",
                allow_parallel_requests=True,
                max_queue_time=max_queue_time,
                workload_calculator=workload,
                benchmark_config=BenchmarkConfig(dataset=[{"workload": 100}], runs=1, concurrency=1, do_warmup=False),
            ),
            HandlerConfig(
                route="/serial", allow_parallel_requests=False, max_queue_time=max_queue_time, workload_calculator=workload
            ),
            HandlerConfig(
                route="/serial-too", allow_parallel_requests=False, max_queue_time=max_queue_time, workload_calculator=workload
            ),
        ],
        log_action_config=LogActionConfig(on_load=["model is loaded"], on_error=["RuntimeError"]),
    )
)
worker.run()
