def model(dbt, session):
    from synthohive_py.dbt import model as engine

    return engine.train(dbt.ref("synthohive_schema"), session, dbt.config.get("meta"))
