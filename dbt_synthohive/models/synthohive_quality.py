def model(dbt, session):
    from synthohive_py.dbt import model as engine

    dbt.ref("synthohive_tables")  # the twins are written before they are judged
    schema, models = dbt.ref("synthohive_schema"), dbt.ref("synthohive_models")
    return engine.score(schema, models, session, dbt.config.get("meta"))
